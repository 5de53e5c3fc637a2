//! `portreeved`, an Internet Gateway Device daemon.

use std::process::ExitCode;

use clap::Parser;
use portreeved::args::{Choices, Cli, Command, LinkDeed, Run};
use portreeved::control::{self, client};
use portreeved::exit::{Failure, Status};
use portreeved::machine::{Findings, Lan, Privilege, snapshot, survey};
use portreeved::{config, daemon, import, log, tell};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Where nobody reads it, there is nobody to tell.
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(Status::Usage as u8)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    match carry_out(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("portreeved: {failure}");
            failure.code()
        }
    }
}

fn carry_out(cli: Cli) -> Result<(), Failure> {
    match cli.command.unwrap_or(Command::Run(cli.run)) {
        Command::Run(options) => run(options),
        Command::Check(choices) => check(&choices),
        Command::Ruleset(choices) => ruleset(&choices),
        Command::Uninstall(choices) => {
            tell(&format!("{}\n", daemon::uninstall(&daemon::load(&choices)?)?));
            Ok(())
        }
        Command::ImportMiniupnpd(options) => import::run(&options),
        Command::Status(reach) => client::run(&control::Command::Status, &reach),
        Command::Mappings(reach) => client::run(&control::Command::Mappings, &reach),
        Command::Clients(reach) => client::run(&control::Command::Clients, &reach),
        Command::Link(link) => {
            let what = match (link.what, link.now) {
                (LinkDeed::Status, _) => control::Link::Status,
                (LinkDeed::Connect, _) => control::Link::Connect,
                (LinkDeed::Disconnect, false) => control::Link::Disconnect,
                (LinkDeed::Disconnect, true) => control::Link::Terminate,
            };
            client::run(&control::Command::Link { what }, &link.reach)
        }
        Command::Reload(reach) => client::run(&control::Command::Reload, &reach),
        Command::Stop(stop) => client::run(&control::Command::Stop { flush: stop.flush }, &stop.reach),
        Command::Revoke(revoke) => {
            let which = client::selection(&revoke)?;
            client::run(&control::Command::Revoke { which }, &revoke.reach)
        }
    }
}

fn run(options: Run) -> Result<(), Failure> {
    log::init(options.log);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(4)
        .thread_stack_size(512 * 1024)
        .enable_all()
        .build()
        .map_err(|error| Failure::system("cannot start", &error))?;
    let ended = runtime.block_on(daemon::run(options));
    // Connections that are still open end with the process.
    runtime.shutdown_background();
    ended
}

fn check(choices: &Choices) -> Result<(), Failure> {
    let settings = daemon::load(choices)?;
    tell(&config::to_toml(&settings));
    let (findings, _) = look(&settings)?;
    let story: String = findings.story.iter().map(|line| format!("# {line}\n")).collect();
    tell(&format!("\n# On this machine:\n{story}"));
    Ok(())
}

fn ruleset(choices: &Choices) -> Result<(), Failure> {
    let settings = daemon::load(choices)?;
    let (findings, lans) = look(&settings)?;
    tell(&daemon::ruleset(&settings, &findings, &lans)?);
    Ok(())
}

/// What `run` would find and choose, had it the privilege.
fn look(settings: &config::Settings) -> Result<(Findings, Vec<Lan>), Failure> {
    let snapshot = snapshot()?;
    let findings = survey(settings, &snapshot, Privilege::NetAdmin)?;
    let lans = Lan::present(&findings.lans, &snapshot);
    Ok((findings, lans))
}
