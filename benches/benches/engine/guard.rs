//! The PHI guard on texts of the size that leaves (issue 4: under 20 ms for 2 kB).

use std::hint::black_box;

use carepost_guard::{Allowed, Guard, PracticeIdentity};
use criterion::Criterion;
use jiff::Timestamp;

const SMS: &str = "Lakeview Dental Group: your visit is on Thursday, December 3 at 9:30 AM. Reply C to confirm or R to \
    reschedule. Call (202) 555-0100 with questions.";
const FOUND: &str = "Your root canal is on Monday. MRN: 4417720. Take amoxicillin 500 mg, call 202-555-0164.";

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("guard");
    let guard = Guard::shipped();
    let identity = PracticeIdentity {
        names: vec!["Lakeview Dental Group".to_owned()],
        phones: vec!["+12025550100".to_owned()],
        emails: vec!["@lakeview.example".to_owned()],
        addresses: vec!["400 Harbor Avenue, Suite 2, Springfield, IL 62701".to_owned()],
    };
    let allowed = Allowed::of(&identity);
    let now = Timestamp::UNIX_EPOCH;
    let text = format!("{SMS} ").repeat(14);
    let html = format!("<html><body>{}</body></html>", format!("<p style=\"margin:0\">{SMS}</p>").repeat(12));
    assert!(text.len() >= 2_000 && html.len() >= 2_000);
    group.bench_function("judge a text message", |bench| bench.iter(|| guard.find(black_box(SMS), &allowed, now)));
    group.bench_function("judge a text with findings", |bench| {
        bench.iter(|| guard.find(black_box(FOUND), &allowed, now));
    });
    group.bench_function("judge 2 kB of text", |bench| bench.iter(|| guard.find(black_box(&text), &allowed, now)));
    group.bench_function("judge 2 kB of HTML", |bench| {
        bench.iter(|| guard.find_in_html(black_box(&html), &allowed, now));
    });
    group.finish();
}
