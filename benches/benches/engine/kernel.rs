//! Seals, look-up hashes, parts of text messages.

use std::hint::black_box;

use carepost_kernel::{DataKey, segments};
use criterion::Criterion;

const OWNER: [u8; 32] = [7; 32];

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("kernel");
    let key = DataKey::new(1, &[3; 32]);
    let plain = [b'a'; 300];
    let sealed = key.seal(&OWNER, &plain).expect("randomness can be had");
    group.bench_function("seal 300 bytes", |bench| bench.iter(|| key.seal(&OWNER, black_box(&plain))));
    group.bench_function("open 300 bytes", |bench| bench.iter(|| key.open(&OWNER, black_box(&sealed))));
    group.bench_function("look-up hash", |bench| bench.iter(|| key.hash("phone", black_box(b"+15005556101"))));
    let plain = "We expect you at 9:30. ".repeat(13);
    let cyrillic = "Ждём вас завтра в 9:30. ".repeat(12);
    group.bench_function("count GSM-7 parts of 300 characters", |bench| {
        bench.iter(|| segments::count(black_box(&plain)));
    });
    group.bench_function("count UCS-2 parts of 300 characters", |bench| {
        bench.iter(|| segments::count(black_box(&cyrillic)));
    });
    group.finish();
}
