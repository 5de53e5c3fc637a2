/// Tells whether this process may make network namespaces; if not, prints what is left out and returns `None`.
///
/// `what` completes the sentence "left out, needs root: ...".
pub fn require_root(what: &str) -> Option<()> {
    if nix::unistd::geteuid().is_root() {
        return Some(());
    }
    // Straight to the terminal: the harness hides the output of a test that passes, and a skipped test must not look
    // like one.
    let message = format!("left out, needs root: {what}\n");
    let _ = std::io::Write::write_all(&mut std::io::stderr(), message.as_bytes());
    None
}
