//! What device and service descriptions have in common: the root element with `configId`, and `specVersion`.

use super::{Element, XmlWriter};

impl XmlWriter {
    /// Opens a description's root element and adds `specVersion`.
    pub(crate) fn root(&mut self, name: &str, namespace: &str, config_id: Option<u32>, spec_version: (u32, u32)) {
        match config_id {
            Some(id) => self.open_with(name, &[("xmlns", namespace), ("configId", &id.to_string())]),
            None => self.open_with(name, &[("xmlns", namespace)]),
        }
        self.open("specVersion");
        self.leaf_display("major", spec_version.0);
        self.leaf_display("minor", spec_version.1);
        self.close("specVersion");
    }
}

impl Element<'_> {
    /// The `configId` of a description's root element.
    pub(crate) fn config_id(&self) -> Option<u32> {
        self.attribute("configId")?.trim().parse().ok()
    }

    /// The `specVersion` of a description; 1.0 where it cannot be read.
    pub(crate) fn spec_version(&self) -> (u32, u32) {
        let number = |name| self.child("specVersion")?.child_text(name).parse().ok();
        (number("major").unwrap_or(1), number("minor").unwrap_or(0))
    }
}
