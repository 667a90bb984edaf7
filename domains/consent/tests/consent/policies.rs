//! Versions of the policy: one holds at a time, and nothing of a version ever changes.

use carepost_consent::commands::{activate_policy, create_policy, install_policy, settle_policies};
use carepost_consent::policy::{Caps, GatePolicy, Practice, Preset};
use carepost_consent::store::{
    find_policy, find_policy_in_force, list_consent_changes, list_due_policies, list_policies, policy_in_force,
};
use carepost_consent::types::{Activation, Actor, ChangeKind, PolicyState, PolicyVersion};
use carepost_consent::{ConsentError, Desk};
use carepost_kernel::ErrorKind;
use jiff::Timestamp;

use crate::support::{World, later, noon};

fn capped(per_day: u16) -> GatePolicy {
    GatePolicy { caps: Caps { per_day: Some(per_day), ..Caps::default() }, ..GatePolicy::default() }
}

async fn create(world: &World, per_day: u16) -> u32 {
    let policy = capped(per_day);
    world.at(noon(), async |desk: &Desk<'_, '_>| create_policy(desk, &policy).await).await.unwrap().version
}

async fn activate(
    world: &World,
    now: Timestamp,
    version: u32,
    from: Option<Timestamp>,
) -> Result<Activation, ConsentError> {
    world.at(now, async |desk: &Desk<'_, '_>| activate_policy(desk, version, from).await).await
}

/// The version that the engine would use.
async fn in_force(world: &World, now: Timestamp) -> Option<u32> {
    let engine = world.placement.engine().await.unwrap();
    find_policy_in_force(&engine, world.tenant_id(), now).await.unwrap().map(|found| found.version)
}

async fn states(world: &World) -> Vec<(u32, PolicyState)> {
    let all = world.at(noon(), async |desk: &Desk<'_, '_>| list_policies(desk.tx, None, 10).await).await.unwrap();
    all.items.iter().map(|one| (one.version, one.state)).collect()
}

async fn count_news(world: &World) -> usize {
    let engine = world.placement.engine().await.unwrap();
    let news = list_consent_changes(&engine, Timestamp::UNIX_EPOCH).await.unwrap();
    assert!(news.iter().all(|one| one.key.is_none() && one.what == ChangeKind::Policy));
    news.len()
}

#[tokio::test]
async fn con_015_one_version_holds_at_a_time_and_the_former_one_stays_as_it_was() {
    let world = World::new().await;
    assert_eq!(in_force(&world, noon()).await, None, "the built-in rules");
    let [one, two] = [create(&world, 1).await, create(&world, 2).await];
    assert_eq!((one, two), (1, 2));
    assert_eq!((in_force(&world, noon()).await, count_news(&world).await), (None, 0), "a draft changes nothing");
    let first = activate(&world, later(1), one, None).await.unwrap();
    assert_eq!((first.former, first.is_news, first.version.activates_at), (None, true, Some(later(1))));
    let again = activate(&world, later(2), one, None).await.unwrap();
    assert_eq!((again.is_news, count_news(&world).await), (false, 1), "twice is once");
    let second = activate(&world, later(3), two, None).await.unwrap();
    assert_eq!((second.former, second.is_news, count_news(&world).await), (Some(one), true, 2));
    assert_eq!(in_force(&world, later(3)).await, Some(two));
    assert_eq!(states(&world).await, [(two, PolicyState::Active), (one, PolicyState::Retired)]);
    let refused = activate(&world, later(4), one, None).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict, "what was retired is not brought back, but made anew");
    let old = world.at(noon(), async |desk: &Desk<'_, '_>| find_policy(desk.tx, one).await).await.unwrap();
    assert_eq!(old.policy().unwrap(), capped(1));
    assert_eq!(old.created_by, "staff:desk-1");
    assert_eq!(activate(&world, later(4), 9, None).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn con_015_a_planned_version_holds_from_its_instant_on_whoever_writes_it_down() {
    let world = World::new().await;
    let [one, two, three] = [create(&world, 1).await, create(&world, 2).await, create(&world, 3).await];
    activate(&world, noon(), one, None).await.unwrap();
    let planned = activate(&world, later(1), two, Some(later(60))).await.unwrap();
    assert_eq!((planned.is_news, planned.version.state), (false, PolicyState::Draft));
    assert!(!planned.version.holds(later(59)) && planned.version.holds(later(60)));
    assert_eq!(in_force(&world, later(59)).await, Some(one));
    assert_eq!(in_force(&world, later(60)).await, Some(two), "before anybody has written it down");

    // Another plan takes the place of the first one.
    activate(&world, later(2), three, Some(later(90))).await.unwrap();
    assert_eq!(in_force(&world, later(60)).await, Some(one));
    let engine = world.placement.engine().await.unwrap();
    assert_eq!(list_due_policies(&engine, later(89)).await.unwrap(), []);
    assert_eq!(list_due_policies(&engine, later(90)).await.unwrap(), [world.tenant_id()]);
    drop(engine);

    let before = count_news(&world).await;
    let settle =
        async |now| world.at(now, async |desk: &Desk<'_, '_>| settle_policies(desk.tx, now).await).await.unwrap();
    assert!(!settle(later(89)).await);
    // Several processes find it; one of them writes it down.
    assert!(settle(later(90)).await);
    assert!(!settle(later(90)).await);
    assert_eq!(count_news(&world).await, before + 1);
    let told = [(three, PolicyState::Active), (two, PolicyState::Draft), (one, PolicyState::Retired)];
    assert_eq!(states(&world).await, told);

    // To activate what is active withdraws what was to follow.
    activate(&world, later(91), two, Some(later(120))).await.unwrap();
    activate(&world, later(92), three, None).await.unwrap();
    assert_eq!(in_force(&world, later(200)).await, Some(three));
    let active_later = activate(&world, later(93), three, Some(later(120))).await.unwrap_err();
    assert_eq!(active_later.kind(), ErrorKind::Conflict);
}

#[tokio::test]
async fn a_policy_with_faults_is_refused_with_all_of_them() {
    let world = World::new().await;
    let practice = Practice { zones: vec!["Nowhere/At_All".to_owned()], ..Practice::default() };
    let policy = GatePolicy { practice, ..capped(0) };
    let made = world.at(noon(), async |desk: &Desk<'_, '_>| create_policy(desk, &policy).await).await;
    let Err(ConsentError::Invalid(faults)) = made else { panic!("{made:?}") };
    let pointers: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(pointers, ["/practice/zones/0", "/caps/per_day"]);
    assert_eq!(world.count("SELECT count(*) FROM gate_policies").await, 0);
}

#[tokio::test]
async fn a_stored_version_that_fails_by_now_is_not_activated() {
    let world = World::new().await;
    let one = create(&world, 1).await;
    let broken = "UPDATE gate_policies SET body = jsonb_set(body, '{practice,zones}', '[\"America/Atlantis\"]')";
    world.owner.batch_execute(broken).await.unwrap();
    let Err(ConsentError::Invalid(faults)) = activate(&world, noon(), one, None).await else { panic!("it holds") };
    assert_eq!(faults[0].pointer, "/practice/zones/0");
    assert_eq!(in_force(&world, later(1)).await, None);
}

#[tokio::test]
async fn versions_follow_each_other_whoever_makes_them_at_once() {
    let world = World::new().await;
    let made = futures_util::future::join_all((0..8).map(|_| create(&world, 3))).await;
    let mut versions = made.clone();
    versions.sort_unstable();
    assert_eq!(versions, (1..=8).collect::<Vec<u32>>());
    let page = world.at(noon(), async |desk: &Desk<'_, '_>| list_policies(desk.tx, None, 3).await).await.unwrap();
    let shown = |page: &carepost_kernel::Page<PolicyVersion>| -> Vec<u32> {
        page.items.iter().map(|one| one.version).collect()
    };
    assert_eq!(shown(&page), [8, 7, 6]);
    let next = page.next;
    let rest = world.at(noon(), async |desk: &Desk<'_, '_>| list_policies(desk.tx, next, 9).await).await.unwrap();
    assert_eq!((shown(&rest), rest.next), (vec![5, 4, 3, 2, 1], None));
}

#[tokio::test]
async fn a_preset_is_the_first_version_of_a_new_practice_and_of_no_other() {
    let world = World::new().await;
    let practice = Practice {
        name: "Riverside".to_owned(),
        postal_address: "1 Example Street, Springfield".to_owned(),
        portal_url: "https://riverside.example".to_owned(),
        ..Practice::default()
    };
    let policy = GatePolicy { practice, ..GatePolicy::preset(Preset::Medical) };
    let install = async || {
        let install = async |desk: &Desk<'_, '_>| install_policy(desk.tx, &policy, &Actor::system(), noon()).await;
        world.at(noon(), install).await
    };
    let made = install().await.unwrap();
    assert_eq!((made.version, made.state), (1, PolicyState::Active));
    assert_eq!((in_force(&world, noon()).await, count_news(&world).await), (Some(1), 1));
    assert_eq!(install().await.unwrap_err().kind(), ErrorKind::Conflict);
}

#[tokio::test]
async fn another_tenants_policy_is_out_of_sight() {
    let world = World::new().await;
    let one = create(&world, 1).await;
    activate(&world, noon(), one, None).await.unwrap();
    let other = world.other_tenant().await;
    let mut connection = world.placement.tenant(other.tenant.tenant_id).await.unwrap();
    let tx = connection.begin().await.unwrap();
    assert_eq!(policy_in_force(&tx, noon()).await.unwrap(), None);
    assert_eq!(find_policy(&tx, one).await.unwrap_err().kind(), ErrorKind::NotFound);
}
