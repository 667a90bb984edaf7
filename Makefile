# One line each: the work is in scripts/ and in Rust.
.PHONY: demo test check bench loadtest soak chaos fmt

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
# Every run in its short form, a quarter of an hour; make loadtest ARGS="enqueue" is one run.
loadtest:
	$(if $(ARGS),cargo run --release --locked -p carepost-loadtest -- $(ARGS),scripts/loadtest)
# An hour at 70 % of the best rate: make soak ARGS="--duration-s 600"
soak:
	cargo run --release --locked -p carepost-loadtest -- soak $(ARGS)
# Two hundred kills, outages, a full disk, sick providers, a wrong clock, in about ten minutes; CHAOS=long has 1,000.
chaos:
	cargo run --release --locked -p carepost-loadtest -- chaos $(if $(filter long,$(CHAOS)),--long) $(ARGS)
fmt:
	cargo fmt --all
