# grasp_anything: two commands are enough on a bare machine, `make demo` and `make test`.
#
#   make demo             a cluttered table in the simulator, one click, one grasp; keeps running until Ctrl-C
#   make demo ONCE=1      the same, ends by itself; succeeds when the object was lifted and held
#   make demo ARGS="scene:=single seed:=7"   any argument of launch/sim.launch
#   make test             the whole test suite, but for the viewer
#   make test-viewer      the viewer's tests, with chromium: they compile rerun, which takes minutes
#   make demo VIEWER=1    the same with a page in the browser that shows it all: http://127.0.0.1:8350
#   make build            target/release/grasp_anything; with VIEWER=1 it has the node viewer, which takes minutes more
#   make build CALIBRATE=1   ... it finds calibration boards in pictures and prints them: installs OpenCV and libclang
#   make test-calibration    the tests of that
#   make test-recordings  recordings read back by PyPI's rosbags, which goes into target/rosbags/
#   make completions      shell completions into target/completions/
#   make setup            system packages and ONNX Runtime only

SHELL := /bin/bash
# rustup's cargo, also in a shell that was open before rustup came.
export PATH := $(PATH):$(HOME)/.cargo/bin

BINARY := target/release/grasp_anything
ARGS ?=
ifeq ($(ONCE),1)
DEMO_ARGS := once:=true
endif
ifeq ($(VIEWER),1)
FEATURES += --features viewer
DEMO_ARGS += viewer:=true
endif
ifeq ($(CALIBRATE),1)
FEATURES += --features opencv
STAGES += opencv
endif

.PHONY: demo setup build test test-viewer test-calibration test-recordings check check-viewer check-calibration completions

demo: build
	$(BINARY) launch launch/sim.launch $(DEMO_ARGS) $(ARGS)

setup:
	@scripts/setup $(STAGES)

build: setup
	cargo build --release --locked --package grasp_anything $(FEATURES)

test: setup
	cargo test --workspace --exclude viewer --locked

test-viewer:
	@scripts/setup browser
	cargo test --package viewer --locked -- --include-ignored

test-calibration:
	@scripts/setup opencv
	cargo test --package calibration --features opencv --locked

test-recordings: target/rosbags/installed
	GRASP_ANYTHING_PYTHON=$(CURDIR)/target/rosbags/bin/python \
		cargo test --package recorder --test independent_reader --locked -- --include-ignored

target/rosbags/installed:
	@scripts/setup
	python3 -m venv --clear --without-pip target/rosbags  # Debian's pip comes without what makes another
	python3 -m pip --python target/rosbags/bin/python install --quiet --disable-pip-version-check rosbags==0.11.9
	touch $@

# What the continuous integration asks for, beside the tests.
check:
	cargo fmt --all --check
	cargo clippy --workspace --exclude viewer --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --exclude viewer --no-deps --locked
	cargo clippy --package grasp_anything --features ros-doc-only --locked -- -D warnings  # ROS 2, with none installed

check-viewer:
	cargo clippy --package viewer --all-targets --locked -- -D warnings
	cargo clippy --package grasp_anything --features viewer --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --package viewer --no-deps --locked

check-calibration:
	@scripts/setup opencv
	cargo clippy --package calibration --features opencv --all-targets --locked -- -D warnings
	cargo clippy --package grasp_anything --features opencv --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --package calibration --features opencv --no-deps --locked

completions: build
	mkdir -p target/completions
	$(BINARY) completions bash > target/completions/grasp_anything.bash
	$(BINARY) completions zsh > target/completions/_grasp_anything
	$(BINARY) completions fish > target/completions/grasp_anything.fish
