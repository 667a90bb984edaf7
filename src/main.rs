//! The program: configuration, telemetry, composition, service, orderly end.

use std::process::ExitCode;

use carepost::cli::{self, Cli, Command, out};
use carepost::compose::server::{Running, stop_signal};
use carepost::config::{Config, ProcessEnv};
use carepost::telemetry::{Metrics, install_panic_hook, start_logs};
use clap::Parser as _;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let command = Cli::parse().command;
    match actix_web::rt::System::new().block_on(run(command)) {
        Ok(code) => code,
        Err(error) => {
            out::complain(&format!("carepost: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    // The document needs no configuration, and nothing else.
    if matches!(command, Command::Openapi) {
        return cli::openapi();
    }
    let config = Config::from_env(&ProcessEnv)?;
    match command {
        Command::Serve => serve(&config).await,
        Command::Demo => cli::demo::run(config).await,
        other => cli::run(other, &config).await,
    }
}

async fn serve(config: &Config) -> anyhow::Result<ExitCode> {
    start_logs(&config.telemetry)?;
    install_panic_hook();
    for name in &config.unknown {
        tracing::warn!(variable = %name, "a variable begins like ours and means nothing here");
    }
    let metrics = Metrics::install()?;
    let running = Running::start(config, metrics).await?;
    stop_signal().await?;
    running.stop(config).await?;
    Ok(ExitCode::SUCCESS)
}
