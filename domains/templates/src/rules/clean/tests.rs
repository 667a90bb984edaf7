//! Tests.
#[test]
fn probe() {
    let parsed = mrml::parse("<mjml><mj-body><mj-section><mj-column><mj-text>Hi<!--a--></mj-text></mj-column></mj-section></mj-body></mjml>").unwrap();
    println!("{}", parsed.element.render(&Default::default()).unwrap());
}
