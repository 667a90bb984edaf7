//! Migrations: the files of `migrations/control` and `migrations/placement`, compiled in and run by refinery.
//!
//! Each file is one transaction. Processes that start together wait for each other (an advisory lock of the database);
//! the roles come first, then the schema, then what is missing. A file that was changed after it ran, or one that
//! this program does not know, stops everything: the program and the schema do not fit.

use refinery::{Migration, Runner};
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use crate::database::{Connector, Role};
use crate::{DatabaseConfig, IoRuntime, SchemaName, StoreError};

/// The files of one folder as (name, text), in the order of their names.
type Files = &'static [(&'static str, &'static str)];

macro_rules! files {
    ($folder:literal: $($name:literal),+ $(,)?) => {
        &[$((
            $name,
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/", $folder, "/", $name, ".sql")),
        )),+]
    };
}

// A test compares both lists with their folders.
const CONTROL: Files = files!("control":
    "202611220300_create_tenancy",
    "202611221820_index_link_tags",
);
const PLACEMENT: Files = files!("placement":
    "202611220300_create_messages",
    "202611221030_create_instances",
    "202611221800_create_recipients",
    "202611221810_create_templates",
    "202611221820_create_links",
    "202611221830_create_bulk_sends",
    "202611221840_store_gate_decisions",
    "202611221850_index_planned_policies",
    "202611222100_allow_pixels",
    "202611222140_create_bulk_send_claims",
    "202611222200_index_lifted_suppressions",
    "202611222230_share_bulk_send_claims",
    "202611222240_track_bulk_sends",
);

/// The oldest PostgreSQL that will do.
const OLDEST_VERSION: i32 = 15;

/// Its table, in each schema.
const TABLE: &str = "carepost_migrations";

const CREATE_ROLES: &str = include_str!("sql/create_roles.sql");
const FIND_UNSAFE_ROLE: &str = include_str!("sql/find_unsafe_role.sql");
const FIND_SCHEMA: &str = include_str!("sql/find_schema.sql");
const GET_SERVER_VERSION: &str = include_str!("sql/get_server_version.sql");
const LOCK_MIGRATIONS: &str = include_str!("sql/lock_migrations.sql");

/// Brings the deployment's own schema up to date (tenants, keys, audit); returns the names of what was run.
///
/// # Errors
/// [`StoreError::Migration`] with the file's name; [`StoreError::Config`] where the login may not make what is missing.
pub async fn migrate_control(config: &DatabaseConfig, schema: &SchemaName) -> Result<Vec<String>, StoreError> {
    migrate(config, schema, CONTROL).await
}

/// Brings a placement's schema up to date (messages, deliveries, leases); returns the names of what was run.
///
/// # Errors
/// As [`migrate_control`].
pub async fn migrate_placement(config: &DatabaseConfig, schema: &SchemaName) -> Result<Vec<String>, StoreError> {
    migrate(config, schema, PLACEMENT).await
}

/// Makes the roles `carepost_app` and `carepost_engine` and lets the login act as them. Roles belong to the whole
/// server: several databases of one server may do this at once.
///
/// # Errors
/// [`StoreError::Config`] where they are missing and the login may not make them, or where one of them could see
/// past row-level security.
pub async fn ensure_roles(config: &DatabaseConfig) -> Result<(), StoreError> {
    let io = IoRuntime::start()?;
    let (client, _task) = connect(config, &io).await?;
    create_roles(&client).await
}

async fn migrate(config: &DatabaseConfig, schema: &SchemaName, files: Files) -> Result<Vec<String>, StoreError> {
    let io = IoRuntime::start()?;
    let (mut client, _task) = connect(config, &io).await?;
    // Held until the connection closes at the end of this function, whichever way it ends.
    client.query(LOCK_MIGRATIONS, &[]).await?;
    create_roles(&client).await?;
    enter_schema(&client, schema).await?;
    let known = files.iter().map(|(name, text)| known(name, text)).collect::<Result<Vec<_>, _>>()?;
    let mut runner = Runner::new(&known);
    runner.set_migration_table_name(TABLE);
    let report = runner.run_async(&mut client).await.map_err(|error| refused(&error))?;
    Ok(report.applied_migrations().iter().map(file_name).collect())
}

async fn connect(config: &DatabaseConfig, io: &IoRuntime) -> Result<(Client, JoinHandle<()>), StoreError> {
    let connector = Connector::new(config, io)?;
    let (client, task) = connector.open(&connector.session(Role::Owner, None)).await?;
    check_version(client.query_one(GET_SERVER_VERSION, &[]).await?.try_get("version")?)?;
    Ok((client, task))
}

/// Our statements need PostgreSQL 15: an older one would fail halfway, at the first that it does not know.
fn check_version(version: i32) -> Result<(), StoreError> {
    // From 10 on the last four digits are the minor version.
    match version / 10_000 {
        OLDEST_VERSION.. => Ok(()),
        major => Err(StoreError::Config(format!("PostgreSQL {major} is too old: {OLDEST_VERSION} or newer is needed"))),
    }
}

async fn create_roles(client: &Client) -> Result<(), StoreError> {
    let insufficient = "the login may not create the roles carepost_app and carepost_engine or act as them: let an \
                        administrator create them (NOLOGIN) and grant both to the login";
    match client.batch_execute(CREATE_ROLES).await.map_err(StoreError::from) {
        Err(StoreError::Refused { code, .. }) if &*code == "42501" => {
            return Err(StoreError::Config(insufficient.to_owned()));
        }
        other => other?,
    }
    match client.query_opt(FIND_UNSAFE_ROLE, &[]).await? {
        None => Ok(()),
        Some(row) => {
            let role: String = row.try_get("role_name")?;
            Err(StoreError::Config(format!("the role {role} is a superuser or bypasses row-level security")))
        }
    }
}

async fn enter_schema(client: &Client, schema: &SchemaName) -> Result<(), StoreError> {
    let is_there: bool = client.query_one(FIND_SCHEMA, &[&schema.as_str()]).await?.try_get("is_there")?;
    // PostgreSQL asks for the right to create schemas even where there is nothing to create.
    let text = if is_there { schema.enter() } else { schema.create_and_enter() };
    match client.batch_execute(&text).await.map_err(StoreError::from) {
        Err(StoreError::Refused { code, .. }) if &*code == "42501" => {
            Err(StoreError::Config(format!("the login may not create the schema {schema}")))
        }
        other => other,
    }
}

/// refinery wants `V<number>__<name>`; our files are `<number>_<name>.sql`.
fn known(name: &'static str, text: &str) -> Result<Migration, StoreError> {
    let misnamed = || StoreError::Migration { name: format!("{name}: not named YYYYMMDDHHMM_verb_noun"), code: None };
    let (number, rest) = name.split_once('_').ok_or_else(misnamed)?;
    Migration::unapplied(&format!("V{number}__{rest}"), text).map_err(|_| misnamed())
}

fn file_name(migration: &Migration) -> String {
    format!("{}_{}", migration.version(), migration.name())
}

fn refused(error: &refinery::Error) -> StoreError {
    use refinery::error::Kind;
    let failed = |name: String, code: Option<Box<str>>| StoreError::Migration { name, code };
    match error.kind() {
        Kind::DivergentVersion(applied, _) => failed(file_name(applied) + ": its file was changed after it ran", None),
        Kind::MissingVersion(applied) => failed(file_name(applied) + ": does not fit this program", None),
        Kind::RepeatedVersion(migration) => failed(file_name(migration) + ": its number is there twice", None),
        Kind::Connection(what, source) => {
            let code = source.downcast_ref::<tokio_postgres::Error>().and_then(tokio_postgres::Error::code);
            // The text is refinery's: it names the migration.
            failed(what.trim_matches('`').to_owned(), code.map(|code| code.code().into()))
        }
        _ => failed("unreadable list".to_owned(), None),
    }
}

#[cfg(test)]
mod tests;
