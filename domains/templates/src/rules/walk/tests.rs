//! What a text may name.

use carepost_kernel::Channel;

use super::*;
use crate::types::Variable;

fn content() -> TemplateContent {
    let declared = [
        ("room", VariableKind::Text),
        ("visit.at", VariableKind::DateTime),
        ("total", VariableKind::Money),
        ("is_new", VariableKind::Bool),
        ("page", VariableKind::Url),
        ("notes", VariableKind::List),
        ("items", VariableKind::List),
        ("items.name", VariableKind::Text),
        ("items.price", VariableKind::Money),
    ];
    let variables = declared.map(|(name, kind)| Variable {
        name: name.to_owned(),
        kind,
        required: true,
        sample: Default::default(),
    });
    let partials = [
        ("hello", "Hi {{patient.first_name}}"),
        ("twice", "{{> hello}} {{> hello}}"),
        ("loop_a", "{{> loop_b}}"),
        ("loop_b", "x\n{{> loop_a}}"),
        ("self", "{{> self}}"),
        ("wrong", "a\n {{nobody}}"),
        ("item", "{{name}}"),
        ("bomb", "{{> bomb2}}{{> bomb2}}{{> bomb2}}{{> bomb2}}"),
        ("bomb2", "{{> bomb3}}{{> bomb3}}{{> bomb3}}{{> bomb3}}"),
        ("bomb3", "{{> hello}}{{> hello}}{{> hello}}{{> hello}}"),
    ];
    let partials = partials.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
    TemplateContent { variables: variables.into(), partials, ..TemplateContent::default() }
}

fn place() -> Place {
    Place { variant: (Channel::Sms, Language::En), pointer: "/sms/en/body".to_owned(), format: Format::Plain }
}

fn names(source: &str) -> Vec<String> {
    let content = content();
    let walked = walk(&content, &place(), source).unwrap_or_else(|faults| panic!("{source}: {faults:#?}"));
    walked.used.into_iter().collect()
}

fn first_fault(source: &str) -> (String, usize, usize, String) {
    let content = content();
    let faults = walk(&content, &place(), source).map(|walked| walked.used).expect_err(source);
    let fault = faults.into_iter().next().unwrap();
    (fault.pointer, fault.line.unwrap(), fault.column.unwrap(), fault.problem.into_owned())
}

#[test]
fn tpl_008_values_helpers_blocks_and_partials_are_let_in() {
    for (source, used) in [
        ("{{room}} {{patient.first_name}}", vec!["patient.first_name", "room"]),
        ("{{date visit.at}} {{datetime visit.at form=\"short\"}} {{money total}}", vec!["total", "visit.at"]),
        ("{{#if is_new}}a{{else if (gt total 100)}}b{{else}}{{room}}{{/if}}", vec!["is_new", "room", "total"]),
        ("{{#unless (and is_new (not room))}}a{{/unless}}", vec!["is_new", "room"]),
        ("{{#each notes}}{{@index}}{{this}}{{#unless @last}}, {{/unless}}{{/each}}", vec!["notes"]),
        (
            "{{#each items}}{{name}} {{money this.price}} {{../room}} {{@root.page}}{{/each}}",
            vec!["items", "items.name", "items.price", "page", "room"],
        ),
        ("{{#each items}}{{> item}}{{else}}{{room}}{{/each}}", vec!["items", "items.name", "room"]),
        ("{{> twice}}{{! never }}", vec!["patient.first_name"]),
        ("{{#if (len notes)}}{{link page}}{{/if}}", vec!["notes", "page"]),
    ] {
        assert_eq!(names(source), used, "{source}");
    }
}

#[test]
fn tpl_009_what_is_not_declared_or_not_known_is_refused_with_its_place() {
    for (source, line, column, part) in [
        ("a\n b {{unknwon}}", 2, 6, "unknwon is not declared"),
        ("{{visit}}", 1, 3, "not declared"),
        ("{{shout room}}", 1, 3, "no helper shout"),
        ("{{#with room}}{{/with}}", 1, 4, "no block with"),
        ("{{#each room}}{{/each}}", 1, 9, "goes through a list"),
        ("{{#each items}}{{room}}{{/each}}", 1, 18, "items.room is not declared"),
        ("{{#each items}}{{this}}{{/each}}", 1, 18, "record"),
        ("{{items.name}}", 1, 3, "field of a list"),
        ("{{../room}}", 1, 3, "out of more loops"),
        ("{{@index}}", 1, 3, "in a loop"),
        ("{{@root.nobody}}", 1, 3, "not declared"),
        ("{{visit.at}}", 1, 3, "helpers date"),
        ("{{total}}", 1, 3, "helper money"),
        ("{{is_new}}", 1, 3, "asked for by if"),
        ("{{notes}}", 1, 3, "each"),
        ("{{date room}}", 1, 8, "does not take a text"),
        ("{{date visit.at total}}", 1, 3, "takes 1 arguments"),
        ("{{date visit.at form=\"loud\"}}", 1, 17, "form="),
        ("{{money total form=\"short\"}}", 1, 15, "form="),
        ("{{#if}}a{{/if}}", 1, 4, "needs something"),
        ("{{#if room total}}a{{/if}}", 1, 4, "one argument"),
        ("{{#if room}}a{{else each notes}}b{{/if}}", 1, 21, "else takes"),
        ("{{> nobody}}", 1, 5, "no partial nobody"),
        ("{{link room}}", 1, 8, "does not take a text"),
        ("{{\"text\" room}}", 1, 10, "not understood"),
        ("{{eq room <b>}}", 1, 11, "not understood"),
    ] {
        let (pointer, found_line, found_column, problem) = first_fault(source);
        assert!(problem.contains(part), "{source}: {problem}");
        assert_eq!((pointer.as_str(), found_line, found_column), ("/sms/en/body", line, column), "{source}: {problem}");
    }
    let content = content();
    let faults = walk(&content, &place(), "{{a}}{{b}}{{c}}").map(|walked| walked.used).unwrap_err();
    assert_eq!(faults.len(), 3, "all are told at once");
}

#[test]
fn partials_that_go_round_or_grow_without_end_are_refused() {
    for (source, pointer, line, part) in [
        ("{{> self}}", "/partials/self", 1, "again"),
        ("{{> loop_a}}", "/partials/loop_b", 2, "again"),
        ("{{> wrong}}", "/partials/wrong", 2, "nobody is not declared"),
        ("{{> bomb}}", "/partials/bomb3", 1, "more than 50"),
        ("{{> item}}", "/partials/item", 1, "name is not declared"),
    ] {
        let (found, found_line, _, problem) = first_fault(source);
        assert!(problem.contains(part), "{source}: {problem}");
        assert_eq!((found.as_str(), found_line), (pointer, line), "{source}: {problem}");
    }
}
