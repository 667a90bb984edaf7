//! Lists of recipients, line by line.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn template() -> BulkContent {
    let content = json!({
        "variables": [{"name": "visit.on", "kind": "date"}, {"name": "amount", "kind": "money", "required": false}],
        "sms": {"en": {"body": "{{visit.on}}"}},
    });
    BulkContent::Template(Box::new(serde_json::from_value(content).unwrap()))
}

fn fixed() -> BulkContent {
    BulkContent::Fixed(Box::default())
}

/// The numbers and fields of bad lines, and the number of good ones.
fn sorted(lines: Lines<'_>, content: &BulkContent) -> (usize, Vec<(u64, String)>) {
    let (mut good, mut bad) = (0, Vec::new());
    for (line, input) in lines {
        match input.and_then(|input| check(input, content)) {
            Ok(_) => good += 1,
            Err(faults) => bad.extend(faults.into_iter().map(|fault| (line, fault.pointer))),
        }
    }
    (good, bad)
}

#[test]
fn hub_014_a_csv_with_bad_lines_in_the_middle_keeps_the_good_ones() {
    let text = "\u{feff}phone,language,visit.on\r\n\
        +15005550001,en,2026-12-03\r\n\
        +1500,en,2026-12-03\r\n\
        +15005550002,fr,2026-12-03\r\n\
        +15005550003,es\r\n\
        \"+1500\nx5550004\",es,2026-12-03\r\n\
        ,es,2026-12-03\r\n\
        +15005550005,,\r\n";
    let content = template();
    let (good, bad) = sorted(Lines::csv(text.as_bytes(), &content).unwrap(), &content);
    // A number with a line end in it is one line of the list and two of the file.
    let expected = [(3, "/phone"), (4, "/language"), (5, ""), (6, "/phone"), (8, "")];
    assert_eq!(bad, expected.map(|(line, field)| (line, field.to_owned())));
    assert_eq!(good, 2);
}

#[test]
fn bytes_that_are_no_text_spoil_their_own_line_only() {
    let text = b"external_id,email\np-1,\np-\xFF,\n,pat@example.com\n";
    let (good, bad) = sorted(Lines::csv(text, &fixed()).unwrap(), &fixed());
    assert_eq!((good, bad), (2, vec![(3, "/external_id".to_owned())]));
}

#[test]
fn del_9_a_heading_that_is_none_is_not_repeated() {
    for text in ["+15005550001,canary\n", "phone,phone\n", "", "phone,visit.on\n"] {
        let Err(CampaignError::Invalid(faults)) = Lines::csv(text.as_bytes(), &fixed()) else { panic!("{text}") };
        assert!(faults[0].pointer.starts_with("/heading"), "{text}");
        assert!(!format!("{faults:?}").contains("canary"));
    }
}

#[test]
fn a_json_list_tells_the_place_of_a_bad_entry() {
    let text = json!({"recipients": [
        {"phone": "+15005550001", "variables": {"visit": {"on": "2026-12-03"}}},
        {"phone": "+15005550001", "colour": "red"},
        {"phone": 5},
        {"recipient_id": "none"},
        {"external_id": "p-1", "phone": "+15005550001"},
        {"external_id": "p-1", "variables": {"canary": 1}},
        {"external_id": "p-1", "variables": {"amount": 500}},
    ]})
    .to_string();
    let content = template();
    let (good, bad) = sorted(Lines::json(text.as_bytes()).unwrap(), &content);
    let expected = [(2, ""), (3, ""), (4, "/recipient_id"), (5, ""), (6, "/variables")];
    assert_eq!(bad, expected.map(|(line, field)| (line, field.to_owned())));
    assert_eq!(good, 2);
    let variables = json!({"recipients": [{"phone": "+15005550001", "variables": {"amount": 500}}]}).to_string();
    assert_eq!(sorted(Lines::json(variables.as_bytes()).unwrap(), &fixed()).0, 0, "fixed content takes no variables");
}

#[test]
fn a_list_is_bounded() {
    let many = format!("in_app\n{}", "a\n".repeat(LINES_MAX + 5));
    let (good, bad) = sorted(Lines::csv(many.as_bytes(), &fixed()).unwrap(), &fixed());
    assert_eq!((good, bad), (LINES_MAX, vec![(LINES_MAX as u64 + 2, String::new())]));
    for text in ["[]", "{}", r#"{"recipients": []}"#, r#"{"recipients": {}}"#, "x"] {
        assert!(Lines::json(text.as_bytes()).is_err(), "{text}");
    }
    let large = json!({"recipients": [{"phone": "+15005550001", "variables": {"amount": "x".repeat(17 << 10)}}]});
    assert_eq!(sorted(Lines::json(large.to_string().as_bytes()).unwrap(), &template()).0, 0);
}

proptest! {
    /// Whatever stands between the good lines, they stand, unless a quotation mark takes them in.
    #[test]
    fn hub_014_no_bad_line_takes_a_good_one_with_it(noise in proptest::collection::vec("[^\"\r\n]{0,40}", 0..20)) {
        let mut text = "phone,language\n".to_owned();
        for line in &noise {
            text.push_str("+15005550001,en\n");
            text.push_str(line);
            text.push('\n');
        }
        let (good, bad) = sorted(Lines::csv(text.as_bytes(), &fixed()).unwrap(), &fixed());
        prop_assert!(good >= noise.len());
        prop_assert!(bad.len() <= 3 * noise.len());
    }
}
