//! How many bytes of new messages are under way between a request's head and its answer (DEL-12).
//!
//! Over what the processor can do, requests wait for a thread before the engine's queue could refuse them. Whoever would
//! wait too long is told so at once, before anything of the body is looked at; and no tenant takes all of the room
//! (DEL-11).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use carepost_kernel::TenantId;
use dashmap::DashMap;

/// What a request costs beside its body.
const HEAD_BYTES: usize = 1 << 10;

/// The room. Clones share it.
#[derive(Debug, Clone)]
pub struct Intake(Arc<Room>);

#[derive(Debug)]
struct Room {
    limit_bytes: usize,
    taken_bytes: AtomicUsize,
    by_tenant: DashMap<TenantId, usize>,
}

/// A request's place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    room: Arc<Room>,
    tenant_id: TenantId,
    bytes: usize,
}

impl Intake {
    /// Room for so many bytes, half of it for one tenant.
    #[must_use]
    pub fn new(limit_bytes: usize) -> Self {
        let (taken_bytes, by_tenant) = (AtomicUsize::new(0), DashMap::new());
        Self(Arc::new(Room { limit_bytes, taken_bytes, by_tenant }))
    }

    /// A place for a body, if there is one now. A tenant that has nothing under way may be over its half: else a large
    /// body would never be taken.
    pub(super) fn place(&self, tenant_id: TenantId, body_bytes: usize) -> Option<Place> {
        let room = &self.0;
        let bytes = body_bytes + HEAD_BYTES;
        {
            let mut tenant = room.by_tenant.entry(tenant_id).or_default();
            if *tenant > 0 && *tenant + bytes > room.limit_bytes / 2 {
                return None;
            }
            *tenant += bytes;
        }
        let place = Place { room: Arc::clone(room), tenant_id, bytes };
        let before = room.taken_bytes.fetch_add(bytes, Ordering::Relaxed);
        // Dropped, the place gives back what it has taken.
        (before == 0 || before + bytes <= room.limit_bytes).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.room.taken_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        if let dashmap::Entry::Occupied(mut tenant) = self.room.by_tenant.entry(self.tenant_id) {
            *tenant.get_mut() -= self.bytes;
            if *tenant.get() == 0 {
                tenant.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn tenants<const COUNT: usize>() -> [TenantId; COUNT] {
        std::array::from_fn(|_| TenantId::new(Timestamp::UNIX_EPOCH))
    }

    #[test]
    fn del_11_and_del_12_a_tenant_has_half_of_the_room_and_gives_it_back() {
        let (intake, [flooding, late, others @ ..]) = (Intake::new(8 * HEAD_BYTES), tenants::<6>());
        let place = |tenant_id| intake.place(tenant_id, 0);
        let mut flood: Vec<Place> = (0..4).filter_map(|_| place(flooding)).collect();
        assert_eq!(flood.len(), 4);
        assert!(place(flooding).is_none(), "a half is a tenant's most");
        let others: Vec<Place> = others.into_iter().filter_map(place).collect();
        assert_eq!(others.len(), 4, "the other half is everybody else's");
        assert!(place(late).is_none(), "then it is full");
        drop(flood.pop());
        assert!(place(late).is_some());
        drop((flood, others));
        assert!(intake.0.by_tenant.is_empty());
        assert_eq!(intake.0.taken_bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_body_that_is_larger_than_the_room_is_taken_alone() {
        let (intake, [one, other]) = (Intake::new(2 * HEAD_BYTES), tenants());
        let large = intake.place(one, 9 * HEAD_BYTES);
        assert!(large.is_some());
        assert!(intake.place(one, 0).is_none());
        assert!(intake.place(other, 0).is_none());
        drop(large);
        assert!(intake.place(other, 0).is_some());
    }
}
