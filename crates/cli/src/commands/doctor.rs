//! `portreeve doctor`.

use std::time::Duration;

use portreeve::doctor::{self, Diagnosis, Examination, Verdict};

use tokio::time::sleep;

use crate::args::{Doctor, Reach};
use crate::exit::{End, Failure, Status};
use crate::output::{Output, Text, View};
use crate::views::{self, Outcome, Skipped, Step};

use super::reach;
use super::stop::Stop;

/// How long a gateway gets for removing the trial mapping of an examination that was stopped.
const FAREWELL: Duration = Duration::from_secs(1);

/// Examines the way to the Internet, step by step; the diagnosis decides how the program ends.
pub(super) async fn run(output: &Output, reach: &Reach, options: &Doctor) -> Result<(), End> {
    let mut stop = Stop::listen()?;
    let mut examination = Examination::new()
        .discovery(reach::discovery(reach)?)
        .protocol(options.protocol);
    if let Some(port) = options.port {
        examination = examination.port(port);
    }
    if let Some(server) = &options.stun {
        examination = examination.stun(server);
    }
    let mut report = Report::new(output);
    let examining = examination.run(|step| report.step(told(step)));
    let verdict = tokio::select! {
        verdict = output.during("examining", examining) => verdict,
        () = stop.asked() => {
            // The trial mapping is being removed meanwhile.
            sleep(FAREWELL).await;
            return Err(stopped().into());
        }
    };
    report.end()?;
    match concluded(&verdict) {
        Ok(diagnosis) => output.result(&diagnosis),
        Err(cause) => {
            output.separate()?;
            Err(cause)
        }
    }
}

/// Tells the steps as they end. Those that are skipped one after another for the same reason are told to people at once.
struct Report<'a> {
    output: &'a Output,
    skipped: Vec<Step>,
    written: Result<(), End>,
}

impl<'a> Report<'a> {
    fn new(output: &'a Output) -> Self {
        let (skipped, written) = (Vec::new(), Ok(()));
        Self {
            output,
            skipped,
            written,
        }
    }

    fn step(&mut self, step: Step) {
        if self.skipped.first().is_none_or(|first| first.finding != step.finding) {
            self.tell_skipped();
        }
        match step.outcome {
            Outcome::Skipped if self.output.is_for_people() => self.skipped.push(step),
            _ => self.tell(&step),
        }
    }

    fn end(mut self) -> Result<(), End> {
        self.tell_skipped();
        self.written
    }

    fn tell_skipped(&mut self) {
        let skipped = std::mem::take(&mut self.skipped);
        if !skipped.is_empty() {
            self.tell(&Skipped(&skipped));
        }
    }

    fn tell(&mut self, view: &impl View) {
        if self.written.is_ok() {
            self.written = self.output.event(view);
        }
    }
}

/// A step as it is told.
fn told(step: &doctor::Step) -> Step {
    Step {
        topic: step.topic.code(),
        title: Text::clean(step.topic.title()),
        outcome: match step.outcome {
            doctor::Outcome::Good => Outcome::Good,
            doctor::Outcome::Bad => Outcome::Bad,
            doctor::Outcome::Skipped => Outcome::Skipped,
            _ => Outcome::Unknown,
        },
        finding: Text::sentences(&step.finding),
        remedy: step.remedy.as_ref().map(Text::sentences),
        took_milliseconds: u64::try_from(step.took.as_millis()).unwrap_or(u64::MAX),
    }
}

/// What to end with: the verdict if all is well, else a failure.
fn concluded(verdict: &Verdict) -> Result<views::Diagnosis, End> {
    let problem = Text::sentences(&verdict.problem);
    let remedy = (!verdict.remedy.is_empty()).then(|| Text::sentences(&verdict.remedy));
    match status(&verdict.diagnosis) {
        Status::Done => Ok(views::Diagnosis {
            verdict: problem,
            remedy,
            steps: verdict.steps.len(),
        }),
        status => Err(Failure {
            status,
            code: verdict.diagnosis.code(),
            problem,
            remedy,
            upnp: None,
        }
        .into()),
    }
}

fn stopped() -> Failure {
    Failure {
        status: Status::Refused,
        code: "stopped",
        problem: Text::clean("The examination was stopped before its end."),
        remedy: None,
        upnp: None,
    }
}

const fn status(diagnosis: &Diagnosis) -> Status {
    match diagnosis {
        Diagnosis::Fine => Status::Done,
        Diagnosis::NoInterface | Diagnosis::NoRoute | Diagnosis::NoGateway | Diagnosis::UpnpOff => Status::NoGateway,
        Diagnosis::SsdpBlocked(_)
        | Diagnosis::UnusableGateway(_)
        | Diagnosis::Disconnected { .. }
        | Diagnosis::NatOff
        | Diagnosis::DoubleNat(_)
        | Diagnosis::CarrierGradeNat(_)
        | Diagnosis::NoExternalAddress
        | Diagnosis::AddressesDiffer(_)
        | Diagnosis::AddressDiffers { .. } => Status::Unusable,
        _ => Status::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_diagnosis_decides_the_exit_status() {
        for (diagnosis, expected) in [
            (Diagnosis::Fine, Status::Done),
            (Diagnosis::UpnpOff, Status::NoGateway),
            (Diagnosis::DoubleNat([10, 0, 0, 1].into()), Status::Unusable),
            (Diagnosis::SilentSuccess, Status::Refused),
            (Diagnosis::NothingListens, Status::Refused),
        ] {
            assert_eq!(status(&diagnosis), expected, "{diagnosis:?}");
        }
    }
}
