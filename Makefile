# One line each: the work is in scripts/ and in Rust.
.PHONY: demo test check bench loadtest fmt

# Everything from nothing, at work: DEMO_EXIT=1 ends by itself.
demo:
	scripts/demo
# All checks and tests.
test:
	scripts/test
# The quick part of it.
check:
	cargo fmt --all --check && cargo clippy --workspace --all-targets --locked -- -D warnings
bench:
	cargo bench --locked -p carepost-benches
# make loadtest ARGS="enqueue"
loadtest:
	cargo run --release --locked -p carepost-loadtest -- $(ARGS)
fmt:
	cargo fmt --all
