//! What cannot leave at all.

use carepost_delivery::Recipient;
use carepost_delivery::types::Payload;
use carepost_kernel::SmsContent;

use crate::delivery::testing::delivery;

use super::*;

#[test]
fn what_has_no_address_never_leaves() {
    let content = || Content::Sms(SmsContent { text: "hello".to_owned(), ..SmsContent::default() });
    let to = |phone: &str| Recipient { phone: Some(phone.to_owned()), ..Recipient::default() };
    let leaves = |payload| outbound(&delivery(payload), content()).is_some();
    assert!(leaves(Payload { to: to("+15005550006"), ..Payload::default() }));
    assert!(!leaves(Payload { to: to(""), ..Payload::default() }));
    assert!(!leaves(Payload::default()));
}

#[test]
fn del_3_a_row_that_says_why_it_waits_is_not_told_the_same_again_and_again() {
    let mut delivery = delivery(Payload::default());
    let due_at = delivery.due_at;
    let after = |seconds| due_at.saturating_add(SignedDuration::from_secs(seconds)).unwrap();
    delivery.reason = Some(WaitReason::Dispatch);
    assert!(!is_told(&delivery, WaitReason::Paused, due_at));
    delivery.reason = Some(WaitReason::Paused);
    assert!(is_told(&delivery, WaitReason::Paused, after(-30)));
    assert!(is_told(&delivery, WaitReason::Paused, after(59)));
    assert!(!is_told(&delivery, WaitReason::Paused, after(60)));
    assert!(!is_told(&delivery, WaitReason::BreakerOpen, after(1)));
}
