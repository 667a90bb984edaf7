//! What is read, and what is refused.

use super::*;

fn path(name: &str, at: usize) -> Expression<'_> {
    Expression { at, form: Form::Path(name) }
}

#[test]
fn a_name_alone_is_a_path_and_with_more_a_call() {
    assert_eq!(read("a.b_1", 10).unwrap(), path("a.b_1", 10));
    assert_eq!(read(" ../x ", 0).unwrap(), path("../x", 1));
    let call = read("eq (len a) 'b c' -2.5 true", 0).unwrap();
    let Form::Call { name: "eq", arguments, named } = call.form else { panic!("no call") };
    assert!(named.is_empty());
    let forms: Vec<_> = arguments.iter().map(|argument| &argument.form).collect();
    assert!(matches!(forms[0], Form::Call { name: "len", .. }), "{forms:?}");
    assert_eq!(forms[1..], [&Form::Text("b c"), &Form::Number, &Form::Bool]);
    assert_eq!(arguments[1].at, 11);
    let Form::Call { named, .. } = read("date a form=\"short\"", 0).unwrap().form else { panic!("no call") };
    assert_eq!((named[0].0, named[0].1, &named[0].2.form), (7, "form", &Form::Text("short")));
}

#[test]
fn what_is_not_understood_is_refused_at_its_place() {
    for (text, at) in [
        ("a b )", 4),
        ("(a", 2),
        ("a (b", 4),
        ("(b) c", 0),
        ("a \"b", 2),
        ("a-b", 0),
        ("é", 0),
        ("a $b", 2),
        ("", 0),
        ("2x", 0),
    ] {
        assert_eq!(read(text, 0).unwrap_err().at, at, "{text}");
    }
}
