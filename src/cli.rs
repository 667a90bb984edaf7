//! The command line. Secrets come from files or standard input, never from arguments, which others can see.

mod accounts;
mod api;
mod api_keys;
/// The demonstration.
pub mod demo;
mod messages;
pub mod out;
mod partitions;
mod tenants;
mod tool;
mod webhooks;

use std::path::PathBuf;
use std::process::ExitCode;

use carepost_kernel::{ApiKeyId, Channel, ProviderAccountId, WebhookEndpointId};
use carepost_providers::Vendor;
use carepost_tenancy::Scope;
use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::config::{Config, TelemetrySettings};
use crate::telemetry::{install_panic_hook, start_logs};

/// Delivers messages to patients by SMS, email and in-app, once, or says exactly why not.
///
/// Configuration comes from the environment: see config.example.env.
#[derive(Debug, Parser)]
#[command(name = "carepost", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server.
    Serve,
    /// Show everything at work, from nothing, in a folder of its own.
    Demo,
    /// Bring all schemas up to date and end.
    Migrate,
    /// Manage tenants.
    #[command(subcommand)]
    Tenant(TenantCommand),
    /// Manage API keys.
    #[command(subcommand)]
    ApiKey(ApiKeyCommand),
    /// Manage provider accounts.
    #[command(subcommand)]
    Account(AccountCommand),
    /// Manage webhook endpoints.
    #[command(subcommand)]
    Webhook(WebhookCommand),
    /// Put failed deliveries back to work, through the running server.
    Redrive(RedriveArgs),
    /// Print the running server's tree of actors.
    Actors,
    /// Manage partitions of old days.
    #[command(subcommand)]
    Partitions(PartitionsCommand),
    /// Print the OpenAPI document.
    Openapi,
    /// Look at the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
}

/// Manage tenants. A tenant is named by its slug or its id.
#[derive(Debug, Subcommand)]
pub enum TenantCommand {
    /// Make a tenant.
    Create {
        /// Short name: lower case letters, digits, inner hyphens.
        slug: String,
        /// Name for people.
        #[arg(long)]
        name: String,
        /// Give it a schema of its own.
        #[arg(long, conflicts_with = "own_database_url_file")]
        own_schema: bool,
        /// Give it a database of its own: a file with the connection string, or - for standard input.
        #[arg(long)]
        own_database_url_file: Option<PathBuf>,
        /// The gate's policy to begin with, which needs the practice; without it the built-in one holds.
        #[command(flatten)]
        preset: Box<PresetArgs>,
    },
    /// List all tenants.
    List,
    /// Show a tenant with its settings.
    Show {
        /// Slug or id.
        tenant: String,
    },
    /// Take messages, but send none.
    Pause {
        /// Slug or id.
        tenant: String,
    },
    /// Send again.
    Resume {
        /// Slug or id.
        tenant: String,
    },
    /// Change settings by a merge patch (RFC 7396): a file, or - for standard input.
    Settings {
        /// Slug or id.
        tenant: String,
        /// The patch.
        patch_file: PathBuf,
    },
}

/// A policy to begin with, in the name of a practice.
#[derive(Debug, clap::Args)]
pub struct PresetArgs {
    /// Which kind of practice.
    #[arg(long, value_parser = ["medical", "orthodontics"], requires_all = ["postal_address", "portal_url", "zones"])]
    pub preset: Option<String>,
    /// The name that messages begin with; left out: the name for people.
    #[arg(long, requires = "preset")]
    pub practice_name: Option<String>,
    /// The postal address in the footer of emails.
    #[arg(long, requires = "preset")]
    pub postal_address: Option<String>,
    /// Where the recipient reads what cannot be sent openly: https.
    #[arg(long, requires = "preset")]
    pub portal_url: Option<String>,
    /// The phone number that HELP names.
    #[arg(long, requires = "preset")]
    pub phone: Option<String>,
    /// Time zones of its sites, as in America/Chicago; may be repeated.
    #[arg(long = "zone", id = "zones", requires = "preset")]
    pub zones: Vec<String>,
    /// Two letters of the states of its sites; may be repeated.
    #[arg(long = "state", id = "states", requires = "preset")]
    pub states: Vec<String>,
    /// The language of people whose language is unknown.
    #[arg(long, value_parser = ["en", "es"], requires = "preset")]
    pub language: Option<String>,
}

/// Manage API keys.
#[derive(Debug, Subcommand)]
pub enum ApiKeyCommand {
    /// Make a key; its text is printed this once.
    Create {
        /// Slug or id.
        tenant: String,
        /// Name for people.
        #[arg(long)]
        name: String,
        /// What it may do; may be repeated.
        #[arg(long = "scope", required = true, value_parser = scopes())]
        scopes: Vec<String>,
        /// Ends by itself then (RFC 3339).
        #[arg(long)]
        expires_at: Option<Timestamp>,
    },
    /// List a tenant's keys, revoked ones too.
    List {
        /// Slug or id.
        tenant: String,
    },
    /// Make a key open nothing.
    Revoke {
        /// Slug or id.
        tenant: String,
        /// The key's id.
        id: ApiKeyId,
    },
}

/// Manage provider accounts.
#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Make an account.
    Create(Box<AccountArgs>),
    /// List a tenant's accounts, closed ones too.
    List {
        /// Slug or id.
        tenant: String,
    },
    /// Take an account out of the route for good; its receipts still come in.
    Close {
        /// Slug or id.
        tenant: String,
        /// The account's id.
        id: ProviderAccountId,
    },
}

/// An account to be made.
#[derive(Debug, clap::Args)]
pub struct AccountArgs {
    /// Slug or id of the tenant.
    pub tenant: String,
    /// Name for people.
    #[arg(long)]
    pub name: String,
    /// Which vendor.
    #[arg(long, value_parser = vendors())]
    pub vendor: String,
    /// The vendor's settings: a file with a JSON object, or - for standard input.
    #[arg(long)]
    pub settings_file: Option<PathBuf>,
    /// The vendor's secrets: a file with a JSON object, or - for standard input.
    #[arg(long)]
    pub credentials_file: Option<PathBuf>,
    /// Run it on the simulators.
    #[arg(long)]
    pub sandbox: bool,
    /// Stands in for the vendor's own address.
    #[arg(long)]
    pub base_url: Option<String>,
    /// Lower goes first.
    #[arg(long)]
    pub route_order: Option<i16>,
    /// Calls per second.
    #[arg(long)]
    pub rate_per_second: Option<u32>,
}

/// Manage webhook endpoints.
#[derive(Debug, Subcommand)]
pub enum WebhookCommand {
    /// Make an endpoint; its secret is printed this once.
    Create {
        /// Slug or id.
        tenant: String,
        /// Its address: https.
        url: String,
        /// What it wants to hear of, as `delivery.receipt_merged`; may be repeated; none is everything.
        #[arg(long = "event", value_parser = webhooks::event_type)]
        event_types: Vec<String>,
    },
    /// List a tenant's endpoints.
    List {
        /// Slug or id.
        tenant: String,
    },
    /// Remove an endpoint.
    Remove {
        /// Slug or id.
        tenant: String,
        /// The endpoint's id.
        id: WebhookEndpointId,
    },
}

/// Which failed deliveries to put back to work.
#[derive(Debug, clap::Args)]
pub struct RedriveArgs {
    /// A file with an API key of the scope messages:write, or - for standard input.
    #[arg(long)]
    pub api_key_file: PathBuf,
    /// How they ended; may be repeated; none is all of these.
    #[arg(long = "status", value_parser = FAILURES)]
    pub statuses: Vec<String>,
    /// Only on this channel.
    #[arg(long, value_parser = channels())]
    pub channel: Option<String>,
    /// Only with this code.
    #[arg(long)]
    pub code: Option<String>,
    /// Go on after this message.
    #[arg(long)]
    pub after: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = 1_000)]
    pub limit: u32,
    /// Put back at most so many a second.
    #[arg(long, default_value_t = 50)]
    pub per_second: u32,
    /// Only count.
    #[arg(long)]
    pub dry_run: bool,
}

/// How deliveries end that may be put back to work.
const FAILURES: [&str; 5] = ["failed", "expired", "refused", "undelivered", "bounced"];

fn scopes() -> PossibleValuesParser {
    PossibleValuesParser::new(Scope::ALL.iter().map(|scope| scope.as_str()))
}

fn vendors() -> PossibleValuesParser {
    PossibleValuesParser::new(Vendor::ALL.map(Vendor::as_str))
}

fn channels() -> PossibleValuesParser {
    PossibleValuesParser::new(Channel::ALL.map(Channel::as_str))
}

/// Manage partitions of old days.
#[derive(Debug, Subcommand)]
pub enum PartitionsCommand {
    /// List them, with their sizes.
    List,
    /// Drop those of days before a date: their messages and history are gone for good. Days with open deliveries stay,
    /// and are listed.
    Drop {
        /// The first day that stays (UTC).
        #[arg(long)]
        before: Date,
    },
}

/// Look at the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check the environment and say what is wrong with it; starts nothing.
    Check,
}

/// Runs a command that neither serves nor demonstrates.
///
/// # Errors
/// Whatever the command meets.
pub async fn run(command: Command, config: &Config) -> anyhow::Result<ExitCode> {
    // Results go to standard output; what goes wrong on the way is for people.
    let filter = if config.telemetry.filter == "info" { "warn" } else { &config.telemetry.filter };
    start_logs(&TelemetrySettings { filter: filter.to_owned(), format: crate::config::LogFormat::Text })?;
    install_panic_hook();
    match command {
        Command::Migrate => tool::migrate(config).await?,
        Command::Tenant(command) => tenants::run(command, config).await?,
        Command::ApiKey(command) => api_keys::run(command, config).await?,
        Command::Account(command) => accounts::run(command, config).await?,
        Command::Webhook(command) => webhooks::run(command, config).await?,
        Command::Redrive(args) => messages::redrive(args, config).await?,
        Command::Actors => api::print_actors(config).await?,
        Command::Partitions(command) => partitions::run(command, config).await?,
        Command::Config(ConfigCommand::Check) => check(config),
        Command::Serve | Command::Demo | Command::Openapi => anyhow::bail!("run command: it belongs elsewhere"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the OpenAPI document.
///
/// # Errors
/// Where the document is not UTF-8.
pub fn openapi() -> anyhow::Result<ExitCode> {
    out::line(std::str::from_utf8(&crate::http::openapi::render())?);
    Ok(ExitCode::SUCCESS)
}

fn check(config: &Config) {
    for name in &config.unknown {
        out::line(&format!("{name}: begins like a variable of ours and means nothing here"));
    }
    let database = if config.database.url.is_some() { "DATABASE_URL" } else { "our own, in the data folder" };
    out::line(&format!("data folder  {}", config.data_dir.display()));
    out::line(&format!("database     {database}"));
    out::line(&format!("API          http://{}", config.http.listen));
    out::line(&format!("metrics      http://{}/metrics", config.http.metrics_listen));
    out::line(&format!("public       {}", config.http.public_url));
    out::line(&format!("sandbox      {}", if config.sandbox.is_enabled { "on" } else { "off" }));
}

#[cfg(test)]
mod tests;
