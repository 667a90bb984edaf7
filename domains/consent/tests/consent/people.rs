//! People and their addresses: made, changed, found, and never readable in rows.

use carepost_consent::ConsentError;
use carepost_consent::commands::{
    RecipientSearch, create_recipient, get_recipient, list_recipients, search_recipients, update_recipient,
};
use carepost_consent::types::{GuardianInput, GuardianScope, RecipientInput, RecipientKind};
use carepost_kernel::{Channel, ErrorKind};

use crate::support::{World, later, noon, person, point};

const PHONE: &str = "+15005550030";

#[tokio::test]
async fn the_same_external_id_is_the_same_person_and_what_is_not_told_stays() {
    let world = World::new().await;
    let mut first = person("p-1", &[(Channel::Sms, PHONE)]);
    first.birth_date = Some("1984-02-29".to_owned());
    first.zone = Some("america/chicago".to_owned());
    first.contact_points[0].is_verified = Some(true);
    let made = world.at(noon(), async |desk| create_recipient(desk, first).await).await.unwrap().0;
    let mut second = person("p-1", &[(Channel::Email, "ana@Example.COM"), (Channel::Sms, PHONE)]);
    second.given_name = Some("Ana".to_owned());
    let again = world.at(later(9), async |desk| create_recipient(desk, second).await).await.unwrap().0;
    assert_eq!((again.recipient_id, again.is_new, again.is_changed), (made.recipient_id, false, true));
    let shown = world.at(noon(), async |desk| get_recipient(desk, made.recipient_id).await).await.unwrap();
    let profile = shown.profile.expose();
    assert_eq!(
        (profile.given_name.as_deref(), profile.birth_date.unwrap().to_string()),
        (Some("Ana"), "1984-02-29".to_owned())
    );
    assert_eq!(
        (shown.zone.as_deref(), shown.version, shown.kind),
        (Some("America/Chicago"), 2, RecipientKind::Patient)
    );
    let points: Vec<_> =
        shown.contact_points.iter().map(|one| (one.channel, one.address.expose().as_str(), one.verified_at)).collect();
    assert_eq!(points, [(Channel::Sms, PHONE, Some(noon())), (Channel::Email, "ana@example.com", None)]);
    let empty =
        RecipientInput { zone: Some(String::new()), given_name: Some(" ".to_owned()), ..RecipientInput::default() };
    world.at(noon(), async |desk| update_recipient(desk, made.recipient_id, empty).await).await.unwrap();
    let shown = world.at(noon(), async |desk| get_recipient(desk, made.recipient_id).await).await.unwrap();
    assert_eq!((shown.zone, shown.profile.expose().given_name.clone()), (None, None));
    assert_eq!(shown.profile.expose().external_id.as_deref(), Some("p-1"));
}

#[tokio::test]
async fn all_faults_come_at_once_and_none_repeats_a_value() {
    let world = World::new().await;
    let mut input = person("p-1", &[(Channel::Sms, "5005550006"), (Channel::Email, "canary"), (Channel::Voice, PHONE)]);
    input.birth_date = Some("2999-01-01".to_owned());
    input.zone = Some("Mars/Canary".to_owned());
    input.state = Some("XX".to_owned());
    input.language = Some("English".to_owned());
    input.guardians = vec![GuardianInput { field: "/guardians/0".to_owned(), ..GuardianInput::default() }];
    let error = world.at(noon(), async |desk| create_recipient(desk, input).await).await.unwrap_err();
    let ConsentError::Invalid(faults) = &error else { panic!("{error:?}") };
    let pointers: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
    let point = "/contact_points/0";
    assert_eq!(pointers, ["/birth_date", "/language", "/zone", "/state", point, point, point, "/guardians/0"]);
    assert!(!format!("{error} {error:?}").to_lowercase().contains("canary"));
    assert_eq!(world.count("SELECT count(*) FROM recipients").await, 0);
}

#[tokio::test]
async fn con_c59_guardians_have_a_scope_and_an_end_and_are_people_who_are_known() {
    let world = World::new().await;
    let guardian = world.add("g-1", &[(Channel::Sms, PHONE)]).await;
    let told = |external_id: &str| GuardianInput {
        field: "/guardians/0/external_id".to_owned(),
        external_id: Some(external_id.to_owned()),
        scope: Some(GuardianScope::Financial),
        ends_on: Some("2032-09-02".to_owned()),
        ..GuardianInput::default()
    };
    let with = |guardian: GuardianInput| RecipientInput { guardians: vec![guardian], ..person("p-1", &[]) };
    let refused = world.at(noon(), async |desk| create_recipient(desk, with(told("g-9"))).await).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Invalid);
    let made = world.at(noon(), async |desk| create_recipient(desk, with(told("g-1"))).await).await.unwrap().0;
    let shown =
        async || world.at(noon(), async |desk| get_recipient(desk, made.recipient_id).await).await.unwrap().guardians;
    let one = shown().await[0];
    assert_eq!(
        (one.guardian_id, one.scope, one.ends_on.unwrap().to_string()),
        (guardian, GuardianScope::Financial, "2032-09-02".to_owned())
    );
    let gone = GuardianInput { is_removed: true, ..told("g-1") };
    world.at(noon(), async |desk| create_recipient(desk, with(gone.clone())).await).await.unwrap();
    assert_eq!(shown().await[0].ends_on.unwrap().to_string(), "2026-11-21", "it has ended, and is kept");
    let mistake = GuardianInput { is_mistake: true, ..gone };
    world.at(noon(), async |desk| create_recipient(desk, with(mistake)).await).await.unwrap();
    assert!(shown().await.is_empty());
}

#[tokio::test]
async fn people_are_found_by_external_id_and_by_address_used_or_not() {
    let world = World::new().await;
    let ana = world.add("p-1", &[(Channel::Sms, PHONE)]).await;
    let ben = world.add("p-2", &[(Channel::Sms, PHONE)]).await;
    let mut unused = point(Channel::Sms, PHONE);
    unused.is_active = Some(false);
    let change = RecipientInput { contact_points: vec![unused], ..RecipientInput::default() };
    world.at(noon(), async |desk| update_recipient(desk, ben, change).await).await.unwrap();
    let search = async |search| {
        let found = world.at(noon(), async |desk| search_recipients(desk, &search).await).await.unwrap();
        found.iter().map(|one| one.recipient_id).collect::<Vec<_>>()
    };
    let address = |address: &str| RecipientSearch::Address { channel: Channel::Sms, address: address.to_owned() };
    assert_eq!(search(RecipientSearch::ExternalId("p-2".to_owned())).await, [ben]);
    assert_eq!(search(address(PHONE)).await, [ben, ana]);
    assert_eq!(search(address("+15005550099")).await, []);
    let facts = world.facts(noon(), &[world.key(Channel::Sms, PHONE)]).await;
    assert_eq!(facts[0].people.len(), 1, "an unused address reaches nobody");
    let inactive = RecipientInput { is_active: Some(false), ..RecipientInput::default() };
    world.at(noon(), async |desk| update_recipient(desk, ana, inactive).await).await.unwrap();
    let page = world.at(noon(), async |desk| list_recipients(desk, Some(true), None, 1).await).await.unwrap();
    assert_eq!((page.items.len(), page.items[0].recipient_id, page.next), (1, ben, None));
    let taken = person("p-1", &[]);
    let error = world.at(noon(), async |desk| update_recipient(desk, ben, taken).await).await.unwrap_err();
    assert!(matches!(&error, ConsentError::Invalid(faults) if faults[0].problem == "belongs to somebody else"));
}

#[tokio::test]
async fn ten_6_a_tenant_neither_sees_nor_changes_people_of_another() {
    let mut world = World::new().await;
    let ana = world.add("p-1", &[(Channel::Sms, PHONE)]).await;
    let key = world.key(Channel::Sms, PHONE);
    world.tenant = world.other_tenant().await;
    let error = world.at(noon(), async |desk| get_recipient(desk, ana).await).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let change = RecipientInput { is_active: Some(false), ..RecipientInput::default() };
    let error = world.at(noon(), async |desk| update_recipient(desk, ana, change).await).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(world.at(noon(), async |desk| list_recipients(desk, None, None, 9).await).await.unwrap().items.is_empty());
    assert!(world.facts(noon(), &[key]).await[0].people.is_empty());
    assert_ne!(world.add("p-1", &[]).await, ana, "ids of theirs are theirs");
}

#[tokio::test]
async fn del_9_rows_hold_no_name_and_no_address() {
    let world = World::new().await;
    let mut input = person("canary-id", &[(Channel::Sms, PHONE), (Channel::Email, "canary@example.com")]);
    input.family_name = Some("Canary".to_owned());
    input.notes = Some("canary note".to_owned());
    input.birth_date = Some("1984-02-29".to_owned());
    world.at(noon(), async |desk| create_recipient(desk, input).await).await.unwrap();
    for table in ["recipients", "contact_points", "consent_changes"] {
        let sql = format!("SELECT count(*) FROM {table} one WHERE one::text ~* 'canary|1984-02-29|5005550030'");
        assert_eq!(world.count(&sql).await, 0, "{table}");
    }
}
