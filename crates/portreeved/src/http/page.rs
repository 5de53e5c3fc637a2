//! The page at the presentationURL. Windows XP lists a gateway only if it has one.

use std::fmt::Write;

use portreeve_wire::resource::Resource;
use portreeve_wire::view::View;
use portreeve_wire::xml;

/// A page that names the gateway and tells where its description is.
pub(super) fn render(name: &str) -> String {
    let name = xml::escape(name);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{name}</title></head>\n\
         <body><h1>{name}</h1><p>An Internet gateway that opens ports on request (UPnP IGD).</p><ul>\n"
    );
    for view in View::ALL {
        // Writing to a String cannot fail.
        let _ = writeln!(
            page,
            "<li><a href=\"{}\">Description as InternetGatewayDevice:{}</a></li>",
            Resource::Description(view),
            view.device_version()
        );
    }
    page.push_str("</ul></body></html>\n");
    page
}
