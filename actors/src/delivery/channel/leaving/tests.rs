//! What cannot leave at all.

use carepost_delivery::Recipient;
use carepost_delivery::types::Payload;
use carepost_kernel::SmsContent;

use crate::delivery::testing::delivery;

use super::*;

#[test]
fn what_has_no_content_or_no_address_never_leaves() {
    let sms = Some(SmsContent { text: "hello".to_owned(), ..SmsContent::default() });
    let to = |phone: &str| Recipient { phone: Some(phone.to_owned()), ..Recipient::default() };
    let leaves = |payload| outbound(&delivery(payload)).is_some();
    assert!(leaves(Payload { to: to("+15005550006"), sms: sms.clone(), ..Payload::default() }));
    assert!(!leaves(Payload { to: to(""), sms: sms.clone(), ..Payload::default() }));
    assert!(!leaves(Payload { sms, ..Payload::default() }));
    assert!(!leaves(Payload { to: to("+15005550006"), ..Payload::default() }));
}
