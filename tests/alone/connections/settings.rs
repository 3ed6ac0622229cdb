//! What the commands say of the way to a server, and of the settings that make it.

use std::net::TcpListener;
use std::process::Command;

use crate::support::peer::{Answer, Peer};

/// What `mltui` says with these variables, in a folder of its own, and its exit code.
fn mltui(arguments: &[&str], variables: &[(&str, &str)]) -> (i32, String) {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_mltui"))
        .args(arguments)
        .current_dir(home.path())
        .env_clear()
        .env("HOME", home.path())
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

#[test]
fn a_command_says_what_it_waits_for_and_doctor_does_not_wait() {
    let address = format!("http://127.0.0.1:{}", crate::support::free_port());
    let few = [("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3"), ("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0.01")];
    let quick = [few[0], few[1], ("MLFLOW_HTTP_REQUEST_BACKOFF_JITTER", "0")];
    let (code, said) = mltui(&["--tracking-uri", &address, "experiments", "--json"], &quick);
    assert_eq!(code, 1);
    assert_eq!(said.matches("trying again for 70ms (MLFLOW_HTTP_REQUEST_MAX_RETRIES)").count(), 1, "{said}");
    assert!(said.starts_with(&format!("mltui: {address}: ")) && said.contains("ctrl-c stops it"), "{said}");
    assert!(!said.contains("by itself"), "{said}");
    // With MLflow's own settings, which wait for four minutes.
    let (code, said) = mltui(&["--tracking-uri", &address, "doctor"], &[]);
    assert_eq!(code, 1);
    let own = "one here, 10 s at most (doctor's own limit; other commands: 120 s";
    assert!(said.contains(own) && said.contains("; other commands retry for 4m"), "{said}");
    assert!(!said.contains("trying again for"), "{said}");
    // Before the time is over it is said that nothing came yet.
    let slow = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", slow.local_addr().unwrap());
    let once = [("MLFLOW_HTTP_REQUEST_TIMEOUT", "1"), ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")];
    let (code, said) = mltui(&["--tracking-uri", &silent, "experiments", "--json"], &once);
    let waiting =
        format!("mltui: no answer from {silent} yet; waiting for 500ms (MLFLOW_HTTP_REQUEST_TIMEOUT)");
    assert!(code == 1 && said.starts_with(&waiting) && said.contains("no answer within 1 s"), "{said}");
    // The smaller of both holds.
    let slow = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", slow.local_addr().unwrap());
    let (code, said) =
        mltui(&["--tracking-uri", &silent, "doctor"], &[("MLFLOW_HTTP_REQUEST_TIMEOUT", "0.2")]);
    assert!(code == 1 && said.contains("one here, 0.2 s at most (MLFLOW_HTTP_REQUEST_TIMEOUT, or"), "{said}");
}

#[test]
fn a_proxy_is_told_as_the_proxy() {
    let refuses = Peer::start(vec![Answer::Http(403, "", "Forbidden by the company")]);
    let proxy = format!("http://eve:proxy-pw@127.0.0.1:{}", refuses.port);
    let named = format!("http://127.0.0.1:{} (HTTP_PROXY)", refuses.port);
    let doctor = ["--tracking-uri", "http://mlflow.invalid:5000", "doctor"];
    let (code, said) = mltui(&doctor, &[("HTTP_PROXY", proxy.as_str())]);
    assert!(code == 1 && !said.contains("proxy-pw"), "{said}");
    assert!(said.contains(&format!("proxy         {named}")), "{said}");
    assert!(said.contains(&format!("Forbidden by the company (through the proxy {named})")), "{said}");
    let (_, said) = mltui(&doctor, &[("ALL_PROXY", proxy.as_str()), ("NO_PROXY", "mlflow.invalid")]);
    assert!(said.contains("proxy         none for this address"), "{said}");

    let asks = Peer::start(vec![Answer::Http(407, "", "")]);
    let (_, said) = mltui(&doctor, &[("ALL_PROXY", asks.uri().as_str())]);
    assert!(said.contains("the proxy requires credentials") && said.contains("(ALL_PROXY)"), "{said}");

    // A tunnel that is refused, and a proxy that is not there.
    let doctor = ["--tracking-uri", "https://mlflow.invalid", "doctor"];
    let gone = format!("http://127.0.0.1:{}", crate::support::free_port());
    for proxy in [proxy, gone] {
        let (code, said) = mltui(&doctor, &[("HTTPS_PROXY", proxy.as_str())]);
        assert!(
            code == 1 && said.contains("cannot reach https://mlflow.invalid through the proxy"),
            "{said}"
        );
        assert!(said.contains("(HTTPS_PROXY)") && said.contains("NO_PROXY"), "{said}");
    }
    let insecure = [("MLFLOW_TRACKING_INSECURE_TLS", "true"), ("HTTPS_PROXY", "http://127.0.0.1:1")];
    assert!(mltui(&doctor, &insecure).1.contains("INSECURE: certificates are not verified"));
}

#[test]
fn settings_of_certificates_that_exclude_each_other_are_called_by_what_set_them() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    let text = "[profiles.trusts]\ntracking_uri = 'https://127.0.0.1:1'\nca_file = '/ca.pem'\nauth = 'environment'\n\
                [profiles.both]\ntracking_uri = 'https://127.0.0.1:1'\nca_file = '/ca.pem'\ninsecure_tls = true\n";
    std::fs::write(&config, text).unwrap();
    let config = ["--config", config.to_str().unwrap()];
    let insecure = ("MLFLOW_TRACKING_INSECURE_TLS", "true");
    let trusted = ("MLFLOW_TRACKING_SERVER_CERT_PATH", "/ca.pem");
    for (place, variables, names) in [
        (["--profile", "trusts"], &[insecure][..], [insecure.0, "ca_file of profile trusts"]),
        (["--profile", "both"], &[trusted], ["insecure_tls of profile both", "ca_file of profile both"]),
        (["--tracking-uri", "https://127.0.0.1:1"], &[insecure, trusted], [insecure.0, trusted.0]),
    ] {
        let (code, said) = mltui(&[&config[..], &place, &["doctor"]].concat(), variables);
        assert_ne!(code, 0);
        let words = format!("{} and {} exclude each other: unset one", names[0], names[1]);
        assert!(
            said.contains(&words) && said.contains(&format!("are not verified ({})", names[0])),
            "{said}"
        );
    }
}
