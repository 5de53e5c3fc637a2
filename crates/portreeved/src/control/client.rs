//! The command line's end of the control socket.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::protocol::{Command, Response, Selection, Transport};
use super::table;
use crate::args::{Reach, Revoke};
use crate::exit::{Failure, Status};
use crate::paths::{Paths, Surroundings};

/// How long the daemon may take for an answer; a reload is the longest.
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks the daemon and prints what it answers.
pub fn run(command: &Command, reach: &Reach) -> Result<(), Failure> {
    let mut stream = connect(reach)?;
    let answer = ask(&mut stream, command)?;
    let text = match reach.json {
        true => format!("{answer}\n"),
        false => table::render(command, &answer),
    };
    // Whoever stopped reading has seen enough.
    let _ = io::stdout().write_all(text.as_bytes());
    Ok(())
}

/// The selection that the options of `revoke` mean.
pub fn selection(revoke: &Revoke) -> Result<Selection, Failure> {
    if let Some(client) = revoke.client {
        return Ok(Selection::Client(client));
    }
    if let Some(id) = revoke.pinhole {
        return Ok(Selection::Pinhole(id));
    }
    let Some(mapping) = &revoke.mapping else {
        return Ok(Selection::All);
    };
    let wrong = || {
        Failure::new(
            Status::Usage,
            format!("`{mapping}` is not a mapping; write it as 8080/tcp"),
        )
    };
    let (port, protocol) = mapping.split_once('/').ok_or_else(wrong)?;
    let protocol = match protocol.to_ascii_lowercase().as_str() {
        "tcp" => Transport::Tcp,
        "udp" => Transport::Udp,
        _ => return Err(wrong()),
    };
    Ok(Selection::Port {
        external_port: port.parse().map_err(|_| wrong())?,
        protocol,
        remote_host: revoke.remote_host,
    })
}

fn connect(reach: &Reach) -> Result<UnixStream, Failure> {
    let candidates = match &reach.socket {
        Some(socket) => vec![socket.clone()],
        None => {
            let settings = reach
                .source()
                .load()
                .map_err(|problems| Failure::new(Status::Configuration, problems.to_string()))?;
            Paths::candidates(&settings, reach.state_dir.as_deref(), &Surroundings::own())
        }
    };
    let mut denied = None;
    for path in &candidates {
        match UnixStream::connect(path) {
            Ok(stream) => return Ok(stream),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => denied = Some(path),
            Err(_) => {}
        }
    }
    if let Some(path) = denied {
        let message = format!(
            "no permission for {}; run as root, or as a member of its group",
            path.display()
        );
        return Err(Failure::new(Status::Permission, message));
    }
    let tried: Vec<String> = candidates
        .iter()
        .map(|path: &PathBuf| path.display().to_string())
        .collect();
    let message = format!("no portreeved answers on {}; is it running?", tried.join(" or "));
    Err(Failure::new(Status::Unavailable, message))
}

fn ask(stream: &mut UnixStream, command: &Command) -> Result<Value, Failure> {
    let broken = |error: &io::Error| Failure::new(Status::Io, format!("the control connection broke: {error}"));
    let line = serde_json::to_string(command).map_err(|error| Failure::new(Status::Software, error.to_string()))?;
    let exchange = |stream: &mut UnixStream| -> io::Result<String> {
        stream.set_read_timeout(Some(PATIENCE))?;
        writeln!(stream, "{line}")?;
        let mut answer = String::new();
        let mut reader = BufReader::new(&*stream);
        reader.read_line(&mut answer)?;
        if matches!(command, Command::Stop { .. }) {
            // It has stopped when it lets go of the connection.
            io::copy(&mut reader.take(1), &mut io::sink())?;
        }
        Ok(answer)
    };
    let answer = exchange(stream).map_err(|error| broken(&error))?;
    match serde_json::from_str(&answer) {
        Ok(Response::Ok(value)) => Ok(value),
        Ok(Response::Error(message)) => Err(Failure::new(Status::Unavailable, message)),
        Err(error) => Err(Failure::new(
            Status::Io,
            format!("the daemon's answer cannot be read: {error}"),
        )),
    }
}
