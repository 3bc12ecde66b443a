//! Checks that hold with either back end. Each test file runs them in a process of its own, because a
//! process chooses its back end once.

use std::path::{Path, PathBuf};

use inference::{
    BackendChoice, InferenceError, Model, ModelDescription, ModelOptions, Tensor, sha256_hex,
};
use ndarray::{ArrayD, arr1, arr2};

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

fn options(backend: &BackendChoice) -> ModelOptions {
    ModelOptions {
        backend: backend.clone(),
        threads: Some(1),
    }
}

fn describe(yaml: &str) -> ModelDescription {
    serde_yaml::from_str(yaml).unwrap()
}

fn linear_description(sha256: &str, shape: &str, input: &str) -> ModelDescription {
    describe(&format!(
        "file: linear.onnx\nsha256: {sha256}\ninputs: [{{ name: {input}, dtype: float32, shape: {shape} }}]\n\
         outputs: [{{ name: action, dtype: float32, shape: [1, 2] }}]"
    ))
}

fn linear_digest() -> String {
    sha256_hex(&std::fs::read(data().join("linear.onnx")).unwrap())
}

/// Runs every check with one back end.
pub(crate) fn all(backend: &BackendChoice) {
    computes_a_policy(backend);
    takes_integers_and_free_dimensions(backend);
    hands_outputs_on(backend);
    refuses_bad_inputs(backend);
    refuses_bad_files(backend);
    keeps_the_contract(backend);
}

fn computes_a_policy(backend: &BackendChoice) {
    let mut model = Model::load(&data().join("linear.onnx"), &options(backend)).unwrap();
    assert_eq!(model.inputs()[0].to_string(), "observation: float32 [1, 4]");
    assert_eq!(model.outputs()[0].to_string(), "action: float32 [1, 2]");
    model.warm_up().unwrap();
    let observation = arr2(&[[0.3_f32, -0.2, 0.8, 9.0]]).into_dyn();
    let outputs = model
        .run(&[("observation", Tensor::F32(observation.view()))])
        .unwrap();
    let action = outputs.f32("action").unwrap();
    let expected = [(0.3_f32 + 0.4 + 0.1).tanh(), (-0.2_f32 - 0.4 - 0.1).tanh()];
    for (found, expected) in action.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    }
    assert!(model.last_latency() > std::time::Duration::ZERO);
    let again = model
        .run(&[("observation", Tensor::F32(observation.view()))])
        .unwrap();
    assert_eq!(
        again.f32("action").unwrap(),
        action,
        "the same input gives the same bits"
    );
    assert!(matches!(
        outputs.i64("action"),
        Err(InferenceError::Output { .. })
    ));
    assert!(matches!(
        outputs.f32("torque"),
        Err(InferenceError::Output { .. })
    ));
}

fn takes_integers_and_free_dimensions(backend: &BackendChoice) {
    let mut model = Model::load(&data().join("select.onnx"), &options(backend)).unwrap();
    for n in [1_usize, 3, 5] {
        let points = ArrayD::from_shape_fn(vec![n, 2], |i| (i[0] * 10 + i[1]) as f32);
        let labels: Vec<i64> = (0..n as i64).map(|i| i % 2).collect();
        let labels = arr1(&labels).into_dyn();
        let outputs = model
            .run(&[
                ("labels", Tensor::I64(labels.view())),
                ("points", Tensor::F32(points.view())),
            ])
            .unwrap();
        let expected: f32 = (0..n).filter(|i| i % 2 == 1).map(|i| (i * 10) as f32).sum();
        assert_eq!(
            outputs.f32("total").unwrap().as_slice().unwrap()[0],
            expected
        );
        assert_eq!(
            outputs.i64("doubled").unwrap().iter().sum::<i64>(),
            2 * labels.sum()
        );
    }
}

fn hands_outputs_on(backend: &BackendChoice) {
    let mut model = Model::load(&data().join("select.onnx"), &options(backend)).unwrap();
    let points = arr2(&[[1.0_f32, 2.0], [4.0, 8.0]]).into_dyn();
    let halves = arr1(&[0_i64, 1]).into_dyn();
    let first = model
        .run(&[
            ("points", Tensor::F32(points.view())),
            ("labels", Tensor::I64(halves.view())),
        ])
        .unwrap();
    let second = model
        .run(&[
            ("points", Tensor::F32(points.view())),
            ("labels", Tensor::Of(&first, "doubled")),
        ])
        .unwrap();
    assert_eq!(
        second.f32("total").unwrap().as_slice().unwrap(),
        [0.0, 0.0],
        "label 2 is not label 1"
    );
}

fn refuses_bad_inputs(backend: &BackendChoice) {
    let mut model = Model::load(&data().join("linear.onnx"), &options(backend)).unwrap();
    let wide = arr2(&[[0.0_f32; 5]]).into_dyn();
    let whole = arr2(&[[0_i64; 4]]).into_dyn();
    let good = arr2(&[[0.0_f32; 4]]).into_dyn();
    let cases: [(&[(&str, Tensor<'_>)], &str); 4] = [
        (&[("observation", Tensor::F32(wide.view()))], "[1, 5]"),
        (&[("observation", Tensor::I64(whole.view()))], "int64"),
        (&[], "was not given"),
        (
            &[
                ("observation", Tensor::F32(good.view())),
                ("goal", Tensor::F32(good.view())),
            ],
            "\"goal\"",
        ),
    ];
    for (inputs, words) in cases {
        let error = model.run(inputs).unwrap_err().to_string();
        assert!(
            error.contains(words) && error.contains("linear.onnx"),
            "{error}"
        );
    }
}

fn refuses_bad_files(backend: &BackendChoice) {
    let missing = Model::load(&data().join("nowhere.onnx"), &options(backend)).unwrap_err();
    assert!(
        matches!(&missing, InferenceError::Read { .. })
            && missing.to_string().contains("nowhere.onnx"),
        "{missing}"
    );

    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(data().join("linear.onnx")).unwrap();
    for (name, bytes) in [
        ("cut.onnx", &whole[..whole.len() / 2]),
        ("empty.onnx", &[][..]),
        ("text.onnx", &b"not a model"[..]),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let error = Model::load(&path, &options(backend)).unwrap_err();
        assert!(
            matches!(error, InferenceError::Parse { .. }),
            "{name}: {error}"
        );
        assert!(error.to_string().contains(name));
    }
}

fn keeps_the_contract(backend: &BackendChoice) {
    let good = linear_description(&linear_digest(), "[1, 4]", "observation");
    Model::load_described(&data(), &good, &options(backend)).unwrap();
    Model::load_described(
        &data(),
        &linear_description(&linear_digest(), "[any, 4]", "observation"),
        &options(backend),
    )
    .unwrap();

    let changed = linear_description(&"0".repeat(64), "[1, 4]", "observation");
    let error = Model::load_described(&data(), &changed, &options(backend)).unwrap_err();
    assert!(
        matches!(error, InferenceError::Digest { .. })
            && error.to_string().contains(&linear_digest()),
        "{error}"
    );

    for (shape, input, words) in [
        ("[1, 7]", "observation", "[1, 7]"),
        ("[1, 4]", "image", "\"image\" is missing"),
    ] {
        let other = linear_description(&linear_digest(), shape, input);
        let error = Model::load_described(&data(), &other, &options(backend)).unwrap_err();
        assert!(
            matches!(error, InferenceError::Contract { .. }) && error.to_string().contains(words),
            "{error}"
        );
    }
    let integers = describe(&format!(
        "file: linear.onnx\nsha256: {}\ninputs: [{{ name: observation, dtype: int64, shape: [1, 4] }}]\noutputs: []",
        linear_digest()
    ));
    let error = Model::load_described(&data(), &integers, &options(backend)).unwrap_err();
    assert!(
        error.to_string().contains("int64") && error.to_string().contains("float32"),
        "{error}"
    );
}
