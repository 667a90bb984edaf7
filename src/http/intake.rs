//! How many bytes of new messages are under way between a request's head and its answer (DEL-12).
//!
//! Over what the processor can do, requests wait for a thread before the engine's queue could refuse them. Whoever would
//! wait too long is told so at once, before anything of the body is looked at; and no tenant takes all of the room
//! (DEL-11).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use carepost_kernel::TenantId;
use dashmap::DashMap;

use super::error::{ApiError, Code};

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

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// The tenant has its half.
    Tenant,
    /// All is taken.
    Room,
}

impl Intake {
    /// Room for so many bytes, half of it for one tenant.
    #[must_use]
    pub fn new(limit_bytes: usize) -> Self {
        let (taken_bytes, by_tenant) = (AtomicUsize::new(0), DashMap::new());
        Self(Arc::new(Room { limit_bytes, taken_bytes, by_tenant }))
    }

    /// A place for a request whose body has so many bytes, if there is one now. What the head declares takes up nothing
    /// before it is [there](Place::take_body).
    ///
    /// # Errors
    /// Whose limit was reached.
    pub(super) fn place(&self, tenant_id: TenantId, body_bytes: usize) -> Result<Place, Full> {
        let mut place = Place { room: Arc::clone(&self.0), tenant_id, bytes: 0 };
        place.take(HEAD_BYTES.saturating_add(body_bytes))?;
        place.give_back(place.bytes.saturating_sub(HEAD_BYTES));
        Ok(place)
    }
}

impl From<Full> for ApiError {
    fn from(full: Full) -> Self {
        let error = match full {
            Full::Tenant => {
                Self::new(Code::Throttled, "more messages of the tenant come than can be taken in at a time")
            }
            Full::Room => Self::unavailable("more messages come than can be taken in at a time"),
        };
        error.with_limit("intake")
    }
}

impl Place {
    /// The body has come, with so many bytes.
    ///
    /// # Errors
    /// Whose limit was reached meanwhile.
    pub(super) fn take_body(&mut self, body_bytes: usize) -> Result<(), Full> {
        self.take(body_bytes)
    }

    /// No request counts for more than a tenant may have: else a large body would never be taken.
    fn take(&mut self, more_bytes: usize) -> Result<(), Full> {
        let most = self.room.limit_bytes / 2;
        let bytes = more_bytes.min(most.saturating_sub(self.bytes));
        {
            let mut tenant = self.room.by_tenant.entry(self.tenant_id).or_default();
            if *tenant + bytes > most {
                return Err(Full::Tenant);
            }
            *tenant += bytes;
        }
        self.bytes += bytes;
        if self.room.taken_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes > self.room.limit_bytes {
            self.give_back(bytes);
            return Err(Full::Room);
        }
        Ok(())
    }

    fn give_back(&mut self, bytes: usize) {
        self.bytes -= bytes;
        self.room.taken_bytes.fetch_sub(bytes, Ordering::Relaxed);
        if let dashmap::Entry::Occupied(mut tenant) = self.room.by_tenant.entry(self.tenant_id) {
            *tenant.get_mut() -= bytes;
            if *tenant.get() == 0 {
                tenant.remove();
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.give_back(self.bytes);
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
        let mut flood: Vec<Place> = (0..4).filter_map(|_| place(flooding).ok()).collect();
        assert_eq!(flood.len(), 4);
        assert_eq!(place(flooding).unwrap_err(), Full::Tenant);
        let others: Vec<Place> = others.into_iter().filter_map(|tenant_id| place(tenant_id).ok()).collect();
        assert_eq!(others.len(), 4, "the other half is everybody else's");
        assert_eq!(place(late).unwrap_err(), Full::Room);
        drop(flood.pop());
        assert!(place(late).is_ok());
        drop((flood, others));
        assert!(intake.0.by_tenant.is_empty());
        assert_eq!(intake.0.taken_bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_body_takes_up_room_when_it_is_there() {
        let (intake, [slow, quick]) = (Intake::new(8 * HEAD_BYTES), tenants());
        let mut places: Vec<Place> = (0..2).filter_map(|_| intake.place(slow, 2 * HEAD_BYTES).ok()).collect();
        assert_eq!(places.len(), 2, "neither body has come");
        assert_eq!(places[0].take_body(2 * HEAD_BYTES), Ok(()));
        assert_eq!(places[1].take_body(2 * HEAD_BYTES), Err(Full::Tenant));
        assert!(intake.place(quick, 3 * HEAD_BYTES).is_ok());
        drop(places);
        assert!(intake.0.by_tenant.is_empty());
        assert_eq!(intake.0.taken_bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_body_that_is_larger_than_the_room_is_taken_alone() {
        let (intake, [one, other]) = (Intake::new(4 * HEAD_BYTES), tenants());
        for declared in [9 * HEAD_BYTES, usize::MAX] {
            let mut large = intake.place(one, declared).unwrap();
            assert_eq!(large.take_body(declared), Ok(()));
            assert_eq!(intake.place(one, 0).unwrap_err(), Full::Tenant);
            assert!(intake.place(other, declared).is_ok(), "half of it is for others");
        }
    }
}
