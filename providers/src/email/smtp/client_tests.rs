//! Tests of the dialogue's parts; whole dialogues are in `contract_tests/email.rs`.

use proptest::prelude::*;

use super::*;

#[test]
fn answers_are_cut_into_their_parts() {
    assert_eq!(read_line(b"250-SIZE 10\r\n"), Some((250, false, "SIZE 10".to_owned())));
    assert_eq!(read_line(b"250 OK\n"), Some((250, true, "OK".to_owned())));
    assert_eq!(read_line(b"354\r\n"), Some((354, true, String::new())));
    for line in [&b"250 cut off"[..], b"25 x\r\n", b"abc x\r\n", b"250_x\r\n", b"150 x\r\n", b"\r\n", b"999 x\r\n"] {
        assert_eq!(read_line(line), None);
    }
}

#[test]
fn offers_are_read_in_any_case() {
    let lines = ["mx.example", "pipelining", "Size 1000", "AUTH=LOGIN", "AUTH PLAIN CRAM-MD5", "DSN", "StartTLS"];
    let reply = Reply { code: 250, lines: lines.map(str::to_owned).to_vec() };
    let offers = Offers { starttls: true, notices: true, size_bytes: Some(1000), plain: true, login: true };
    assert_eq!(Offers::read(&reply), offers);
}

#[test]
fn dots_are_doubled_and_the_end_is_a_line_end() {
    assert_eq!(stuffed(b".a\r\n..b\r\nc.\r\n"), b"..a\r\n...b\r\nc.\r\n");
    assert_eq!(stuffed(b"no end"), b"no end\r\n");
}

#[test]
fn xtext_escapes_what_it_must() {
    assert_eq!(xtext("a+b=c@example.com"), "a+2Bb+3Dc@example.com");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(line in any::<Vec<u8>>()) {
        let _ = read_line(&line);
    }

    #[test]
    fn a_stuffed_message_never_ends_early(message in any::<Vec<u8>>()) {
        let stuffed = stuffed(&message);
        prop_assert!(!stuffed.starts_with(b".\r\n"));
        prop_assert!(!stuffed.windows(5).any(|window| window == b"\r\n.\r\n"));
    }
}
