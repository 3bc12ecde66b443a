# grasp_anything: two commands are enough on a bare machine, `make demo` and `make test`.
#
#   make demo             a cluttered table in the simulator, one click, one grasp; keeps running until Ctrl-C
#   make demo ONCE=1      the same, ends by itself; succeeds when the object was lifted and held
#   make demo ARGS="scene:=single seed:=7"   any argument of launch/sim.launch
#   make test             the whole test suite, but for the viewer and what needs packages that grasp_anything does without
#   make test ALL=1       these too, but for the viewer: with OpenCV, librealsense2 and PyPI packages, which it installs
#   make test-viewer      the viewer's tests, with chromium: they compile rerun, which takes minutes
#   make demo VIEWER=1    the same with a page in the browser that shows it all: http://127.0.0.1:8350
#   make build            target/release/grasp_anything; with VIEWER=1 it has the node viewer, which takes minutes more
#   make build CALIBRATE=1   ... it finds calibration boards in pictures and prints them: installs OpenCV and libclang
#   make build REALSENSE=1   ... it runs RealSense cameras: gets librealsense2 from the system or out of its PyPI wheel
#   make check            format, lints and documentation, with every feature: installs what those need
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

ifeq ($(ALL),1)
TEST_NEEDS := target/python/installed
TEST_STAGES := opencv realsense
TEST_ENVIRONMENT := $(REALSENSE_PKG_CONFIG) GRASP_ANYTHING_PYTHON=$(CURDIR)/target/python/new/bin/python \
	GRASP_ANYTHING_PYTHON_BAG=$(CURDIR)/target/python/old/bin/python
TEST_FEATURES := --features calibration/opencv,camera/realsense
TEST_ARGS := -- --include-ignored
endif

.PHONY: demo setup build test test-viewer check completions

demo: build
	$(BINARY) launch launch/sim.launch $(DEMO_ARGS) $(ARGS)

setup:
	@scripts/setup $(STAGES)

build: setup
	$(BUILD_ENVIRONMENT) cargo build --release --locked --package grasp_anything $(FEATURES)

test: $(TEST_NEEDS)
	@scripts/setup $(TEST_STAGES)
	$(TEST_ENVIRONMENT) cargo test --workspace --exclude viewer --locked $(TEST_FEATURES) $(TEST_ARGS)

test-viewer:
	@scripts/setup browser
	cargo test --package viewer --locked -- --include-ignored

# Independent readers, clients and cameras for the tests. Two of them, as 2.56 is the last librealsense that writes .bag files.
target/python/installed:
	@scripts/setup
	packages() { \
		python3 -m venv --clear --without-pip target/python/$$1 && \
		python3 -m pip --python target/python/$$1/bin/python install --quiet --disable-pip-version-check "$${@:2}"; \
	}; \
	packages new rosbags==0.11.9 pyrealsense2==2.59.1.11053 && packages old pyrealsense2==2.56.5.9235
	touch $@

# What the continuous integration asks for, beside the tests: once, with every feature; ROS 2's with no ROS 2 installed.
CHECKED := --workspace --locked --features \
	grasp_anything/ros-doc-only,grasp_anything/opencv,grasp_anything/realsense,grasp_anything/viewer

check:
	@scripts/setup opencv realsense
	cargo fmt --all --check
	$(REALSENSE_PKG_CONFIG) cargo clippy $(CHECKED) --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(REALSENSE_PKG_CONFIG) cargo doc $(CHECKED) --no-deps

completions: build
	mkdir -p target/completions
	$(BINARY) completions bash > target/completions/grasp_anything.bash
	$(BINARY) completions zsh > target/completions/_grasp_anything
	$(BINARY) completions fish > target/completions/grasp_anything.fish
