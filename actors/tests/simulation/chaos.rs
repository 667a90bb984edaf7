//! What happens to processes: they are killed, frozen, stopped and started, lose leases and actors, and tenants are
//! paused meanwhile. And what recipients do: they opt out.

use std::sync::Arc;
use std::time::Duration;

use carepost_actors::faults::Place;
use carepost_kernel::{Channel, InstanceId};
use jiff::SignedDuration;
use uuid::Uuid;

use crate::model::LeaseRow;
use crate::process::{Process, Running};
use crate::world::{CALM_AFTER_MS, World};

/// After this time a process is dead that does not do what it is told.
const STUCK: Duration = Duration::from_secs(30);

/// Draws the troubles of the seed and sets them going.
pub(crate) fn begin(world: &Arc<World>) {
    let kinds = world.draw(0..512);
    for _ in 0..world.draw(0..7) {
        let (at_ms, kind) = (world.draw(500..CALM_AFTER_MS), world.draw(0..9));
        // Each seed has some kinds of trouble only.
        if kinds & (1 << kind) == 0 {
            continue;
        }
        let world = Arc::clone(world);
        world.begin();
        actix::spawn(async move {
            tokio::time::sleep(Duration::from_millis(at_ms)).await;
            trouble(&world, kind).await;
            world.end();
        });
    }
}

async fn trouble(world: &Arc<World>, kind: u64) {
    match kind {
        0 | 1 => {
            let Some(running) = world.someone() else { return };
            kill(world, &running);
            restart(world).await;
        }
        2 => freeze(world),
        3 => {
            let Some(running) = world.someone() else { return };
            stop(world, running).await;
            restart(world).await;
        }
        4 => pause(world).await,
        5 => break_actor(world),
        6 => lose_lease(world).await,
        7 => world.opt_out(),
        _ => steal_lease(world),
    }
}

fn kill(world: &World, running: &Running) {
    let instance = running.process.instance;
    world.saw("kill");
    world.note(|names| format!("{} is killed", names.process(instance)));
    running.process.die();
    world.remove_process(instance);
}

/// Another process in the place of one that has gone.
async fn restart(world: &Arc<World>) {
    tokio::time::sleep(Duration::from_millis(world.draw(50..4_000))).await;
    bring_up(world).await;
}

/// Starts a process, however often it fails.
pub(crate) async fn bring_up(world: &Arc<World>) {
    loop {
        match Process::start(world, world.tuning.clone()).await {
            Ok(running) => return world.add_process(running),
            Err(_away) => tokio::time::sleep(Duration::from_millis(500)).await,
        }
    }
}

fn freeze(world: &World) {
    let Some(running) = world.someone() else { return };
    // All stand still by themselves once it is calm: a process that is frozen for ever is a dead one.
    let until_ms = (world.now_ms() + world.draw(1_000..14_000)).min(CALM_AFTER_MS + 5_000);
    world.saw("freeze");
    world.note(|names| format!("{} is frozen until {until_ms}", names.process(running.process.instance)));
    running.process.freeze(until_ms);
}

async fn stop(world: &World, running: Running) {
    let instance = running.process.instance;
    world.saw("stop");
    world.note(|names| format!("{} is stopped", names.process(instance)));
    let stopping = async {
        running.engine.leave(Duration::from_secs(5)).await;
        // Nobody is sent there any more.
        world.remove_process(instance);
        running.engine.drain(Duration::from_secs(5)).await;
    };
    // What is killed meanwhile never ends by itself.
    let _killed = tokio::time::timeout(STUCK, stopping).await;
    world.remove_process(instance);
    running.process.die();
    world.note(|names| format!("{} is gone", names.process(instance)));
}

async fn pause(world: &World) {
    let tenant_id = world.pick(&world.clinics()).tenant_id;
    world.pause(tenant_id, true);
    tokio::time::sleep(Duration::from_millis(world.draw(200..6_000))).await;
    world.pause(tenant_id, false);
}

fn break_actor(world: &World) {
    let Some(running) = world.someone() else { return };
    let clinics = world.clinics();
    let clinic = world.pick(&clinics);
    let place = match world.draw(0..7) {
        0 => Place::Ingest(world.placement_id),
        1 => Place::Ledger(world.placement_id),
        2 => Place::Scheduler,
        3 => Place::Receipts,
        4 => Place::Tenant(clinic.tenant_id),
        5 => Place::Channel(clinic.tenant_id, Channel::Email),
        _ => Place::Channel(clinic.tenant_id, Channel::Sms),
    };
    if running.engine.break_actor(place) {
        world.saw("panic");
        let kind = format!("{place:?}");
        let kind = kind.split('(').next().unwrap_or_default().to_owned();
        world.note(|names| format!("{} loses its {kind}", names.process(running.process.instance)));
    }
}

/// A process gives a lease back behind its own back.
async fn lose_lease(world: &World) {
    let Some(running) = world.someone() else { return };
    for clinic in world.clinics() {
        world.saw("lost lease");
        let _away_or_killed = tokio::time::timeout(STUCK, running.engine.lose_lease(clinic.tenant_id)).await;
    }
}

/// Somebody else takes a tenant up, does nothing for it, and dies.
fn steal_lease(world: &World) {
    let clinics = world.clinics();
    let clinic = world.pick(&clinics);
    let ghost = InstanceId::from_uuid(Uuid::from_u128(world.draw_u128()));
    let expires_at = world.clock.now() + SignedDuration::from_millis(i64::try_from(world.draw(500..6_000)).unwrap());
    let mut tables = world.tables();
    if let Some(lease) = tables.leases.get(&clinic.tenant_id).copied() {
        tables.alive.insert(ghost);
        let stolen = LeaseRow { owner: Some(ghost), epoch: lease.epoch + 1, expires_at };
        tables.leases.insert(clinic.tenant_id, stolen);
        drop(tables);
        world.saw("stolen lease");
        world.note(|names| format!("{} is taken by a ghost", names.tenant(clinic.tenant_id)));
    }
}
