//! What a connection string turns into.

use super::*;

fn check(url: &str, expected: SslMode) {
    assert_eq!(parse(url).unwrap().get_ssl_mode(), expected, "{url}");
}

#[test]
fn whatever_leaves_the_machine_is_encrypted_unless_told_otherwise() {
    check("host=/run/postgresql user=care", SslMode::Disable);
    check("postgres://care@127.0.0.1:5433/care", SslMode::Disable);
    check("postgres://care@localhost/care", SslMode::Disable);
    check("postgres://care@db.example/care", SslMode::Require);
    check("postgres://care@db.example/care?sslmode=prefer", SslMode::Require);
    check("postgres://care@db.example/care?sslmode=disable", SslMode::Disable);
    check("postgres://care@localhost/care?sslmode=verify-full", SslMode::Require);
}

#[test]
fn del_9_an_unreadable_string_is_not_repeated() {
    let error = parse("postgres://care:hunter2@host:notaport/").unwrap_err();
    assert!(!error.to_string().contains("hunter2"));
    assert!(parse("user=care").is_err());
}

#[test]
fn a_session_carries_role_and_schema() {
    let io = IoRuntime::start().unwrap();
    let config = DatabaseConfig::new(Secret::from("host=/run/postgresql user=care options='-c jit=off'"));
    let connector = Connector::new(&config, &io).unwrap();
    let session = connector.session(Role::App, Some(&SchemaName::new("care").unwrap()));
    let options = session.get_options().unwrap();
    for part in ["-c jit=off", "-c role=carepost_app", "-c search_path=care", "-c statement_timeout=10000"] {
        assert!(options.contains(part), "{part} in {options}");
    }
}
