use std::path::Path;

use super::super::environment::Environment;
use super::super::stand_in::{Answer, StandIn};
use super::{told, tree};
use crate::store::FileTree as _;

fn profile(home: &Path, text: &str) {
    std::fs::create_dir_all(home.join(".aws/sso/cache")).unwrap();
    std::fs::write(home.join(".aws/config"), text).unwrap();
}

/// Lists an empty bucket with what is found; which key signed, and with which token.
async fn signed_by(home: &Path, server: &StandIn, more: &[(&str, &str)]) -> Result<(String, String), String> {
    let endpoint = server.uri();
    let own = [("MLFLOW_S3_ENDPOINT_URL", endpoint.as_str())];
    let environment = Environment::of(&[&own[..], more].concat(), Some(home));
    let tree = tree("s3://models/root", &environment);
    tree.list("").await.map_err(told)?;
    let asked = server.asked();
    let last = asked.last().unwrap();
    let key = last.header("authorization").split(['=', '/']).nth(1).unwrap_or_default().to_owned();
    Ok((key, last.header("x-amz-security-token").to_owned()))
}

#[tokio::test]
async fn credentials_are_found_where_boto3_finds_them() {
    let home = tempfile::tempdir().unwrap();
    let server = StandIn::start(|request| {
        let keys = |id: &str| {
            format!(
                "\"AccessKeyId\": \"{id}\", \"SecretAccessKey\": \"secret of {id}\", \"Token\": \"token of {id}\", \
                 \"Expiration\": \"2099-01-01T00:00:00Z\""
            )
        };
        Some(match request.path.as_str() {
            // The role of a profile, by the keys of another
            "/" if request.method == "POST" => {
                let form = String::from_utf8_lossy(&request.body).into_owned();
                assert!(form.contains("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fml"), "{form}");
                assert!(
                    request.header("authorization").contains("/AKIASOURCE/")
                        || request.header("authorization").contains("AKIASOURCE")
                );
                Answer::ok(
                    "<R><Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>role secret</SecretAccessKey>\
                     <SessionToken>role token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></R>",
                )
            }
            // A sign-in
            "/federation/credentials" => {
                assert_eq!(request.header("x-amz-sso_bearer_token"), "bearer of ana");
                assert_eq!((request.query("role_name"), request.query("account_id")), ("ml", "1"));
                Answer::ok(
                    r#"{"roleCredentials": {"accessKeyId": "ASIASSO", "secretAccessKey": "sso secret",
                        "sessionToken": "sso token", "expiration": 4070908800000}}"#,
                )
            }
            // The machine
            "/latest/api/token" => Answer::ok("session"),
            "/latest/meta-data/iam/security-credentials/" => Answer::ok("ml"),
            "/latest/meta-data/iam/security-credentials/ml" => {
                Answer::ok(format!("{{{}}}", keys("ASIAMACHINE")))
            }
            // A container
            "/container" => Answer::ok(format!("{{{}}}", keys("ASIACONTAINER"))),
            _ => Answer::ok("<ListBucketResult></ListBucketResult>"),
        })
    });
    let (home, uri) = (home.path(), server.uri());
    profile(
        home,
        "[profile source]\naws_access_key_id = AKIASOURCE\naws_secret_access_key = source secret\n\
         [profile role]\nrole_arn = arn:aws:iam::1:role/ml\nsource_profile = source\n\
         [profile sso]\nsso_session = work\nsso_account_id = 1\nsso_role_name = ml\n\
         [sso-session work]\nsso_region = eu-west-1\nsso_start_url = https://x\n\
         [profile circle]\nrole_arn = a\nsource_profile = circle2\n[profile circle2]\nrole_arn = b\nsource_profile = circle\n\
         [profile mfa]\nrole_arn = arn:aws:iam::1:role/ml\nsource_profile = source\nmfa_serial = device\n",
    );
    let to = |key: &str, token: &str| Ok((key.to_owned(), token.to_owned()));
    let none = ("AWS_EC2_METADATA_DISABLED", "true");
    let by = |more: Vec<(&'static str, String)>| {
        let server = server.clone();
        async move {
            let more: Vec<_> =
                more.iter().map(|(name, value)| (*name, value.as_str())).chain([none]).collect();
            signed_by(home, &server, &more).await
        }
    };
    let profile = |name: &str| ("AWS_PROFILE", name.to_owned());
    assert_eq!(by(vec![profile("source")]).await, to("AKIASOURCE", ""));
    let sts = ("AWS_ENDPOINT_URL_STS", uri.clone());
    assert_eq!(by(vec![profile("role"), sts.clone()]).await, to("ASIAROLE", "role token"));
    let sso = ("AWS_ENDPOINT_URL_SSO", uri.clone());
    let over = by(vec![profile("sso"), sso.clone()]).await.unwrap_err();
    assert!(over.contains("nobody is signed in") && over.contains("aws sso login"), "{over}");
    // sha1sum of "work"
    let sum = "e274eeff768c6396088ec6eb091f4bf4d47ab1e0";
    let token = home.join(format!(".aws/sso/cache/{sum}.json"));
    std::fs::write(&token, r#"{"accessToken": "bearer of ana", "expiresAt": "2020-01-01T00:00:00UTC"}"#)
        .unwrap();
    let over = by(vec![profile("sso"), sso.clone()]).await.unwrap_err();
    assert!(over.contains("has expired") && over.contains("aws sso login"), "{over}");
    std::fs::write(&token, r#"{"accessToken": "bearer of ana", "expiresAt": "2099-01-01T00:00:00Z"}"#)
        .unwrap();
    assert_eq!(by(vec![profile("sso"), sso]).await, to("ASIASSO", "sso token"));
    for (name, word) in [("none", "no profile \"none\""), ("circle", "circle"), ("mfa", "device")] {
        let refused = by(vec![profile(name), sts.clone()]).await.unwrap_err();
        assert!(refused.contains(word), "{refused}");
    }
    let nobody = by(vec![]).await.unwrap_err();
    assert!(
        nobody.contains("no AWS credentials are found") && nobody.contains(".aws/credentials"),
        "{nobody}"
    );
    let machine = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", uri.as_str())];
    assert_eq!(signed_by(home, &server, &machine).await, to("ASIAMACHINE", "token of ASIAMACHINE"));
    let word = home.join("word");
    std::fs::write(&word, "word").unwrap();
    let container = vec![
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{uri}/container")),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", word.display().to_string()),
    ];
    assert_eq!(by(container).await, to("ASIACONTAINER", "token of ASIACONTAINER"));
    let unsigned = vec![("MLFLOW_EXPERIMENTAL_S3_SIGNATURE_VERSION", "unsigned".to_owned())];
    assert_eq!(by(unsigned).await, to("", ""));
}

#[tokio::test]
async fn keys_that_are_about_to_end_are_got_anew() {
    let home = tempfile::tempdir().unwrap();
    let server = StandIn::start(|_| Some(Answer::ok("<ListBucketResult></ListBucketResult>")));
    let log = home.path().join("log");
    let until = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(60);
    let printed = format!(
        r#"{{"Version": 1, "AccessKeyId": "A", "SecretAccessKey": "of a process", "Expiration": "{until}"}}"#
    );
    std::fs::write(home.path().join("keys"), printed).unwrap();
    let command =
        format!("sh -c 'echo x >> {0}; cat {1}'", log.display(), home.path().join("keys").display());
    profile(home.path(), &format!("[default]\ncredential_process = {command}\n"));
    let endpoint = server.uri();
    let environment = Environment::of(&[("MLFLOW_S3_ENDPOINT_URL", endpoint.as_str())], Some(home.path()));
    let tree = tree("s3://models/root", &environment);
    for _ in 0..2 {
        tree.list("").await.unwrap();
    }
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "x\nx\n");
    // They are good for a minute yet, whatever the program says.
    std::fs::write(home.path().join("keys"), "nothing").unwrap();
    tree.list("").await.unwrap();
}
