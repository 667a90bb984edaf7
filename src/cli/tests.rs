//! Parsing of the command line.

use clap::{CommandFactory as _, Parser as _};

use super::*;

#[test]
fn the_definition_holds_together() {
    Cli::command().debug_assert();
}

#[test]
fn commands_are_read() {
    let parse = |line: &str| Cli::try_parse_from(line.split(' ')).map(|cli| cli.command);
    assert!(matches!(parse("carepost serve"), Ok(Command::Serve)));
    assert!(matches!(
        parse("carepost partitions drop --before 2026-01-31"),
        Ok(Command::Partitions(PartitionsCommand::Drop { .. }))
    ));
    let Ok(Command::Tenant(TenantCommand::Create { slug, own_schema, .. })) =
        parse("carepost tenant create riverside --name Riverside --own-schema")
    else {
        panic!("tenant create is read");
    };
    assert_eq!((slug.as_str(), own_schema), ("riverside", true));
    let preset = "carepost tenant create lakeside --name Lakeside --preset medical --postal-address 1-Example-Street \
                  --portal-url https://portal.example --zone America/Chicago --zone America/Denver";
    let Ok(Command::Tenant(TenantCommand::Create { preset, .. })) =
        Cli::try_parse_from(preset.split_whitespace()).map(|cli| cli.command)
    else {
        panic!("a preset is read");
    };
    assert_eq!((preset.preset.as_deref(), preset.zones.len()), (Some("medical"), 2));
}

#[test]
fn what_is_missing_or_malformed_is_refused() {
    for line in [
        "carepost",
        "carepost tenant create riverside",
        "carepost tenant create riverside --name R --preset medical",
        "carepost tenant create riverside --name R --zone America/Chicago",
        "carepost api-key create riverside --name x",
        "carepost api-key revoke riverside not-an-id",
        "carepost partitions drop --before yesterday",
        "carepost redrive",
    ] {
        assert!(Cli::try_parse_from(line.split(' ')).is_err(), "{line}");
    }
}

#[test]
fn del_9_no_argument_takes_a_secret() {
    fn names(command: &clap::Command) -> Vec<String> {
        let own = command.get_arguments().map(|argument| argument.get_id().to_string());
        own.chain(command.get_subcommands().flat_map(names)).collect()
    }
    for name in names(&Cli::command()) {
        let is_secret = ["credentials", "password", "token", "secret", "api_key", "database_url"]
            .iter()
            .any(|word| name.contains(word));
        assert!(!is_secret || name.ends_with("_file"), "{name} would be visible to others");
    }
}
