//! Whether what the parameters of a real cell name is there and answers.
//!
//! Every text in the parameter file that is an endpoint (`tcp://host:port`, `serial:///dev/...`) is tried, so the
//! doctor looks at just what the drivers would connect to.

use std::{
    fs::{self, OpenOptions},
    io::ErrorKind,
    net::{TcpStream, ToSocketAddrs as _},
    path::Path,
    time::Duration,
};

use bus::Endpoint;
use serde_yaml::Value;

use super::Finding;

/// A robot on the same network answers far sooner.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) fn look(share: Option<&Path>, config: Option<&Path>) -> Vec<Finding> {
    let default = share.map(|share| share.join("config/real.yaml"));
    let Some(config) = config.or(default.as_deref()) else {
        return Vec::new();
    };
    let subject = config.display().to_string();
    let value = match fs::read_to_string(config).map(|text| serde_yaml::from_str::<Value>(&text)) {
        Ok(Ok(value)) => value,
        Ok(Err(error)) => {
            return vec![Finding::fail(
                subject,
                format!("is not YAML: {error}"),
                "mend the line",
            )];
        }
        Err(error) => {
            return vec![Finding::fail(
                subject,
                format!("cannot be read: {error}"),
                "give another file with --config",
            )];
        }
    };
    let mut texts = Vec::new();
    collect(&value, "", &mut texts);
    let findings: Vec<_> = texts
        .iter()
        .filter_map(|(key, text)| check(key, text))
        .collect();
    if findings.is_empty() {
        return vec![Finding::warn(
            subject,
            "names no robot, hand or camera",
            "give another file with --config",
        )];
    }
    findings
}

/// All texts with the names around them.
fn collect(value: &Value, key: &str, texts: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) => texts.push((key.to_owned(), text.clone())),
        Value::Mapping(entries) => {
            for (name, entry) in entries {
                let name = name.as_str().unwrap_or("?").trim_start_matches('/');
                let inner = match (key.is_empty(), name) {
                    (_, "ros__parameters") => key.to_owned(),
                    (true, _) => name.to_owned(),
                    (false, _) => format!("{key}.{name}"),
                };
                collect(entry, &inner, texts);
            }
        }
        _ => {}
    }
}

fn check(key: &str, text: &str) -> Option<Finding> {
    if !text.contains("://") {
        return None;
    }
    let subject = format!("{key} ({text})");
    match Endpoint::parse(text) {
        Ok(Endpoint::Tcp { host, port }) => Some(check_tcp(subject, &host, port)),
        Ok(Endpoint::Serial { path, .. }) => Some(check_serial(subject, &path)),
        Ok(_) => None,
        Err(error) => Some(Finding::fail(
            subject,
            error.to_string(),
            "mend the parameter",
        )),
    }
}

fn check_tcp(subject: String, host: &str, port: u16) -> Finding {
    let address = match (host, port)
        .to_socket_addrs()
        .map(|mut addresses| addresses.next())
    {
        Ok(Some(address)) => address,
        _ => {
            return Finding::warn(
                subject,
                "the host name has no address",
                "give the robot's IP address",
            );
        }
    };
    match TcpStream::connect_timeout(&address, PATIENCE) {
        Ok(_) => Finding::ok(subject, "answers"),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Finding::warn(
            subject,
            "the machine is there, but refuses the connection",
            "is the robot's controller booted, and remote access allowed there?",
        ),
        Err(error) => Finding::warn(
            subject,
            format!("does not answer ({error})"),
            "is the robot switched on and the network cable plugged in?",
        ),
    }
}

fn check_serial(subject: String, path: &Path) -> Finding {
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(_) => Finding::ok(subject, "is there and may be used"),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Finding::warn(
            subject,
            "is there, but this user may not use it",
            "join its group, as a rule: sudo usermod -aG dialout $USER, then log in anew",
        ),
        Err(error) => Finding::warn(
            subject,
            format!("is not there ({error})"),
            "is the hand powered and its USB cable plugged in?",
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn look_at(yaml: &str) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("real.yaml");
        fs::write(&config, yaml).unwrap();
        look(None, Some(&config))
            .iter()
            .map(|finding| finding.render(false))
            .collect()
    }

    #[test]
    fn every_endpoint_is_tried() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let lines = look_at(&format!(
            "/ur_driver: {{ros__parameters: {{rtde: 'tcp://127.0.0.1:{port}', name: x}}}}\n\
             sih_driver: {{ros__parameters: {{bus: 'serial:///dev/none?baud=1000000'}}}}"
        ));
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].starts_with("  OK    ur_driver.rtde"), "{lines:?}");
        assert!(
            lines[1].starts_with("  WARN  sih_driver.bus") && lines[1].contains("powered"),
            "{lines:?}"
        );
    }

    #[test]
    fn a_closed_port_is_told_from_a_machine_that_is_off() {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        assert!(look_at(&format!("a: 'tcp://127.0.0.1:{port}'"))[0].contains("refuses"));
    }

    #[test]
    fn bad_files_and_endpoints_fail() {
        assert!(look_at("a: [")[0].contains("FAIL"));
        assert!(look_at("a: 'tcp://nowhere'")[0].contains("FAIL"));
        assert!(look_at("a: 1")[0].contains("names no robot"));
        let missing = look(None, Some(Path::new("/none.yaml")));
        assert!(missing[0].render(false).contains("--config"));
    }
}
