//! What the tool says about itself. `GOLDEN=write cargo test -p portreeve-cli` takes what it says now as right.

use std::path::Path;
use std::{env, fs};

use crate::tool::{Tool, error, portreeve, status};

const COMMANDS: [&str; 13] = [
    "discover",
    "status",
    "map",
    "unmap",
    "list",
    "pinhole",
    "watch",
    "doctor",
    "stability",
    "link",
    "call",
    "completions",
    "man",
];

/// Holds the text against the file of that name in `tests/golden`.
#[track_caller]
fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if env::var_os("GOLDEN").is_some_and(|value| value == "write") {
        fs::create_dir_all(path.parent().expect("the file is in a folder")).expect("the folder can be made");
        fs::write(&path, text).expect("the file can be written");
    }
    let expected = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    for (number, (line, expected)) in text.lines().zip(expected.lines()).enumerate() {
        assert_eq!(line, expected, "{name}, line {}", number + 1);
    }
    assert_eq!(text.lines().count(), expected.lines().count(), "{name}");
}

#[test]
fn help_is_as_it_was_agreed() {
    golden("help/portreeve.txt", &portreeve("--help").success());
    golden("help/portreeve-short.txt", &portreeve("-h").success());
    let parts = ["add", "update", "delete", "check", "packets"].map(|part| format!("pinhole {part}"));
    for command in COMMANDS.map(str::to_owned).into_iter().chain(parts) {
        let help = portreeve(&format!("{command} --help")).success();
        golden(&format!("help/{}.txt", command.replace(' ', "-")), &help);
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    }
}

#[test]
fn the_man_page_is_as_it_was_agreed() {
    let page = portreeve("man").success();
    let version = concat!("portreeve ", env!("CARGO_PKG_VERSION"));
    golden("portreeve.1", &page.replace(version, "portreeve VERSION"));
}

#[test]
fn every_shell_gets_completions_that_know_the_commands() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = portreeve(&format!("completions {shell}")).success();
        for command in COMMANDS {
            assert!(script.contains(command), "{shell} does not know {command}");
        }
        assert!(
            script.contains("despite-status"),
            "{shell} does not know --despite-status"
        );
    }
}

#[test]
fn nothing_said_is_answered_with_help_and_status_2() {
    let finished = portreeve("");
    assert_eq!(status(&finished), 2);
    assert!(finished.stderr.contains("Commands:"), "{}", finished.stderr);
}

#[test]
fn a_line_that_makes_no_sense_ends_with_2_and_a_kind_word() {
    let finished = portreeve("map 8080 --protocol any");
    assert_eq!(status(&finished), 2);
    assert_eq!(finished.stdout, "");
    assert!(
        finished.stderr.contains("`--protocol both` makes two mappings"),
        "{}",
        finished.stderr
    );
    let finished = portreeve("statsu");
    assert_eq!(status(&finished), 2);
    assert!(
        finished.stderr.contains("a similar subcommand exists: 'status'"),
        "{}",
        finished.stderr
    );
}

#[test]
fn a_line_that_makes_no_sense_is_an_error_in_json_too() {
    let failure = error(&portreeve("--json map 0"), 2);
    assert_eq!(failure["code"], "usage");
    assert!(
        failure["problem"]
            .as_str()
            .unwrap()
            .ends_with("ports run from 1 to 65535"),
        "{failure}"
    );
    let failure = error(&portreeve("--json"), 2);
    assert_eq!(failure["code"], "usage");
}

#[test]
fn colours_are_for_terminals() {
    for tool in [
        Tool::new("--help"),
        Tool::new("statsu"),
        Tool::new("--help").env("NO_COLOR", "1"),
    ] {
        let finished = tool.run();
        assert!(!finished.stdout.contains('\x1b') && !finished.stderr.contains('\x1b'));
    }
    let forced = Tool::new("--help").env("CLICOLOR_FORCE", "1").run();
    assert!(forced.stdout.contains('\x1b'));
}

#[test]
fn a_reader_who_leaves_is_no_failure() {
    let tool = env!("CARGO_BIN_EXE_portreeve");
    for arguments in ["man", "completions bash", "--help"] {
        let line = format!("set -o pipefail; {tool} {arguments} | true");
        let run = std::process::Command::new("bash").args(["-c", &line]).output().unwrap();
        assert!(run.status.success(), "{arguments}: {run:?}");
        assert_eq!(String::from_utf8_lossy(&run.stderr), "", "{arguments}");
    }
}
