//! How often a second a file can be made durable.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use portreeve_testkit::TempDir;

/// Bytes written each time: about as many as a mapping needs in a journal.
const RECORD: [u8; 96] = [7; 96];

/// Bytes that the file holds beforehand, so that no sync has to wait for its size too.
const ROOM: usize = 4 * 1024 * 1024;

/// Writes and syncs for some time; answers syncs per second.
pub(crate) fn syncs_per_second(time: Duration) -> std::io::Result<f64> {
    let directory = TempDir::new();
    let mut file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .open(directory.join("journal"))?;
    file.write_all(&vec![0; ROOM])?;
    file.sync_all()?;
    let begun = Instant::now();
    let mut done = 0_u32;
    while begun.elapsed() < time {
        let place = done as usize * RECORD.len() % (ROOM - RECORD.len());
        file.write_all_at(&RECORD, place as u64)?;
        file.sync_data()?;
        done += 1;
    }
    Ok(f64::from(done) / begun.elapsed().as_secs_f64())
}
