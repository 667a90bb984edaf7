//! Seals open for their owner and for nobody else.

use proptest::prelude::*;

use super::*;

fn key(version: u16) -> DataKey {
    DataKey::new(version, &[7; KEY_LEN])
}

proptest! {
    #[test]
    fn del_9_a_seal_opens_for_its_owner_only(plain: Vec<u8>, owner: [u8; 8], other: [u8; 8]) {
        let sealed = key(1).seal(&owner, &plain).expect("sealed");
        let opened = key(1).open(&owner, &sealed).expect("opened");
        prop_assert_eq!(opened.as_slice(), plain.as_slice());
        if owner != other {
            prop_assert_eq!(key(1).open(&other, &sealed).expect_err("foreign"), SealError::Authentication);
        }
    }

    #[test]
    fn a_changed_bit_is_noticed(plain: [u8; 16], at in 0_usize..47) {
        let mut sealed = key(1).seal(b"row", &plain).expect("sealed");
        sealed[at] ^= 1;
        prop_assert!(key(1).open(b"row", &sealed).is_err());
    }

    #[test]
    fn foreign_bytes_do_not_panic(bytes: Vec<u8>) {
        prop_assert!(key(1).open(b"row", &bytes).is_err());
    }
}

#[test]
fn the_key_version_is_read_before_opening() {
    let sealed = key(3).seal(b"row", b"text").expect("sealed");
    assert_eq!(key_version(&sealed), Ok(3));
    assert_eq!(key(1).open(b"row", &sealed).expect_err("other version"), SealError::OtherKey(3));
}

#[test]
fn hashes_are_keyed_and_separated_by_domain() {
    let (one, two) = (DataKey::new(1, &[1; KEY_LEN]), DataKey::new(1, &[2; KEY_LEN]));
    assert_eq!(one.hash("phone", b"+15005550100"), one.hash("phone", b"+15005550100"));
    assert_ne!(one.hash("phone", b"+15005550100"), two.hash("phone", b"+15005550100"));
    assert_ne!(one.hash("phone", b"x"), one.hash("email", b"x"));
}
