# One line each: the work is in scripts/ and in Rust.
.PHONY: demo test check bench loadtest soak fmt

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
# Every run in its short form, ten minutes; make loadtest ARGS="enqueue" is one run.
loadtest:
	$(if $(ARGS),cargo run --release --locked -p carepost-loadtest -- $(ARGS),scripts/loadtest)
# An hour at 70 % of the best rate: make soak ARGS="--duration-s 600"
soak:
	cargo run --release --locked -p carepost-loadtest -- soak $(ARGS)
fmt:
	cargo fmt --all
