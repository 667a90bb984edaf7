//! Every statement of the room and of the trail fits the migrated schema.

use std::path::Path;

use crate::support::World;

#[tokio::test]
async fn every_statement_prepares_on_the_migrated_schema() {
    let world = World::new().await;
    let room = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for folder in [room.join("src/sql"), room.join("../audit/src/sql")] {
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let sql = std::fs::read_to_string(&path).unwrap();
            assert!(sql.starts_with("-- "), "{}: no purpose in the first line", path.display());
            world.owner.prepare(&sql).await.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            count += 1;
        }
    }
    assert_eq!(count, 34);
}
