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
#   make build REALSENSE=1   ... it runs RealSense cameras: gets librealsense2 from the system or out of its PyPI wheel
#   make test-realsense      the tests of that, with recordings that librealsense makes
#   make test-recordings  recordings read back by PyPI's rosbags, which goes into target/rosbags/
#   make completions      shell completions into target/completions/
#   make setup            system packages and ONNX Runtime only

SHELL := /bin/bash
# rustup's cargo, also in a shell that was open before rustup came.
export PATH := $(PATH):$(HOME)/.cargo/bin
# Where scripts/setup puts librealsense2 if the system has none.
REALSENSE_PKG_CONFIG := PKG_CONFIG_PATH=$(PKG_CONFIG_PATH):$(CURDIR)/.librealsense

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
ifeq ($(REALSENSE),1)
FEATURES += --features realsense
STAGES += realsense
BUILD_ENVIRONMENT := $(REALSENSE_PKG_CONFIG)
endif

.PHONY: demo setup build test test-viewer test-calibration test-realsense test-recordings check check-viewer \
	check-calibration check-realsense completions

demo: build
	$(BINARY) launch launch/sim.launch $(DEMO_ARGS) $(ARGS)

setup:
	@scripts/setup $(STAGES)

build: setup
	$(BUILD_ENVIRONMENT) cargo build --release --locked --package grasp_anything $(FEATURES)

test: setup
	cargo test --workspace --exclude viewer --locked

test-viewer:
	@scripts/setup browser
	cargo test --package viewer --locked -- --include-ignored

test-calibration:
	@scripts/setup opencv
	cargo test --package calibration --features opencv --locked

test-realsense: target/pyrealsense2/installed
	@scripts/setup realsense
	GRASP_ANYTHING_PYTHON=$(CURDIR)/target/pyrealsense2/new/bin/python \
	GRASP_ANYTHING_PYTHON_BAG=$(CURDIR)/target/pyrealsense2/old/bin/python $(REALSENSE_PKG_CONFIG) \
		cargo test --package camera --features realsense --locked -- --include-ignored

# Two of them, as 2.56 is the last that writes .bag files.
target/pyrealsense2/installed:
	@scripts/setup
	for version in new==2.59.1.11053 old==2.56.5.9235; do \
		python3 -m venv --clear --without-pip target/pyrealsense2/$${version%%=*} && \
		python3 -m pip --python target/pyrealsense2/$${version%%=*}/bin/python install --quiet \
			--disable-pip-version-check pyrealsense2==$${version##*=} || exit 1; \
	done
	touch $@

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

check-realsense:
	@scripts/setup realsense
	$(REALSENSE_PKG_CONFIG) cargo clippy --package camera --features realsense --all-targets --locked -- -D warnings
	$(REALSENSE_PKG_CONFIG) cargo clippy --package grasp_anything --features realsense --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(REALSENSE_PKG_CONFIG) cargo doc --package camera --features realsense --no-deps --locked

completions: build
	mkdir -p target/completions
	$(BINARY) completions bash > target/completions/grasp_anything.bash
	$(BINARY) completions zsh > target/completions/_grasp_anything
	$(BINARY) completions fish > target/completions/grasp_anything.fish
