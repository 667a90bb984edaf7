//! Every vendor goes through the contract's suite.

use carepost_providers::Vendor;

use crate::tree::sources;

#[test]
fn every_vendor_keeps_the_contract() {
    let sources = sources(".rs");
    for vendor in Vendor::ALL {
        let test = format!("async fn {}_keeps_the_contract()", vendor.as_str());
        let found =
            sources.iter().filter(|source| source.path.starts_with("providers/src/") && source.text.contains(&test));
        assert_eq!(found.count(), 1, "{test}");
    }
}
