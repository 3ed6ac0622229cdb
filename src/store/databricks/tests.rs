use std::path::Path;

use super::*;

const FILE: &str = "[DEFAULT]\nhost = https://default.cloud.databricks.com/\ntoken = dapi-default\n\
                    [prod]\nHOST = adb-1.2.azuredatabricks.net/?o=12#job\nclient_id = abc\nclient_secret = s3cr3t-m2m\n\
                    [both]\nhost = https://both\ntoken = dapi-both\nclient_id = abc\nclient_secret = s3cr3t\n\
                    [chosen]\nhost = https://both\ntoken = dapi-both\nclient_id = a\nclient_secret = s3\nauth_type = pat\n\
                    [cli]\nhost = https://cli.cloud.databricks.com\nauth_type = databricks-cli\n\
                    [bare]\ntoken = dapi-bare\n[quoted]\nhost = https://q\ntoken = \"a\\b\"\n";

/// What a tracking URI comes to beside these variables, with the file of a home folder.
fn completed(uri: &str, variables: &[(&str, &str)], given: Option<&str>) -> Result<Workspace, String> {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join(".databrickscfg"), FILE).unwrap();
    beside(uri, variables, given, Some(home.path()))
}

fn beside(
    uri: &str,
    variables: &[(&str, &str)],
    given: Option<&str>,
    home: Option<&Path>,
) -> Result<Workspace, String> {
    let variable =
        |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    let mut workspace = Workspace::parse(uri).unwrap().unwrap();
    if let Some(token) = given {
        workspace = workspace.with_token(token);
    }
    workspace.completed(variable, home)
}

fn token(workspace: &Workspace) -> &str {
    match &workspace.found().unwrap().key {
        Key::Token(token) => token,
        Key::Client { secret, .. } => secret,
    }
}

fn host_of(workspace: &Workspace) -> &str {
    &workspace.found().unwrap().host
}

#[test]
fn addresses_are_mlflows() {
    for uri in [
        "databricks",
        "Databricks",
        "databricks-uc",
        "databricks://prod",
        "databricks-uc://prod",
        "databricks:prod/",
    ] {
        assert!(Workspace::parse(uri).unwrap().is_ok(), "{uri}");
    }
    for (uri, words) in [
        ("databricks://", "write databricks"),
        ("databricks://s3cr3t@prod", "section of ~/.databrickscfg"),
        ("databricks://scope:prefix", "notebooks"),
    ] {
        let refused = Workspace::parse(uri).unwrap().unwrap_err();
        assert!(refused.contains(words) && !refused.contains("s3cr3t"), "{uri}: {refused}");
    }
    for uri in ["databricks.db", "http://databricks", "uc", "./databricks"] {
        assert!(Workspace::parse(uri).is_none(), "{uri}");
    }
}

#[test]
fn host_and_credentials_come_from_one_place() {
    let own = [("DATABRICKS_HOST", "https://env.cloud.databricks.com"), ("DATABRICKS_TOKEN", "dapi-env")];
    for (uri, variables, host, secret) in [
        ("databricks", &own[..], "https://env.cloud.databricks.com", "dapi-env"),
        ("databricks-uc", &own, "https://env.cloud.databricks.com", "dapi-env"),
        // A token without its host goes to no other one.
        ("databricks", &own[1..], "https://default.cloud.databricks.com", "dapi-default"),
        ("databricks", &[], "https://default.cloud.databricks.com", "dapi-default"),
        (
            "databricks",
            &[("DATABRICKS_CONFIG_PROFILE", "prod")],
            "https://adb-1.2.azuredatabricks.net",
            "s3cr3t-m2m",
        ),
        // What the address names comes before the environment.
        ("databricks://prod", &own, "https://adb-1.2.azuredatabricks.net", "s3cr3t-m2m"),
        ("databricks://chosen", &[], "https://both", "dapi-both"),
        ("databricks://quoted", &[], "https://q", "\"a\\b\""),
    ] {
        let workspace = completed(uri, variables, None).unwrap();
        assert_eq!((host_of(&workspace), token(&workspace)), (host, secret), "{uri} {variables:?}");
        // Its own address leads there as well.
        assert_eq!(workspace.to_string(), format!("databricks:{host}"));
        if host != "https://both" {
            let again = completed(&workspace.to_string(), variables, None).unwrap();
            assert_eq!(
                (again.to_string(), token(&again)),
                (workspace.to_string(), secret),
                "{uri} {variables:?}"
            );
        }
    }
    let oauth = [own[0], ("DATABRICKS_CLIENT_ID", "me"), ("DATABRICKS_CLIENT_SECRET", "oauth-s3cr3t")];
    let workspace = completed("databricks", &oauth, None).unwrap();
    assert_eq!(
        workspace.found().unwrap().key,
        Key::Client { id: "me".into(), secret: "oauth-s3cr3t".into() }
    );
    assert_eq!(workspace.found().unwrap().key_from, "DATABRICKS_CLIENT_ID");
    let given = completed("databricks://prod", &own, Some("of-a-profile")).unwrap();
    assert_eq!((host_of(&given), token(&given)), ("https://adb-1.2.azuredatabricks.net", "of-a-profile"));
}

#[test]
fn what_is_missing_says_what_to_do() {
    let host = ("DATABRICKS_HOST", "https://env");
    let own = [host, ("DATABRICKS_TOKEN", "x")];
    for (uri, variables, words) in [
        ("databricks", &[host][..], "set DATABRICKS_TOKEN"),
        ("databricks", &[host, ("DATABRICKS_CLIENT_ID", "x")], "DATABRICKS_CLIENT_SECRET"),
        (
            "databricks",
            &[("DATABRICKS_HOST", "https://u:s3cr3t@h"), ("DATABRICKS_TOKEN", "x")],
            "no address of a workspace",
        ),
        ("databricks://none", &[], "has no profile none; it has DEFAULT, prod"),
        ("databricks:https://elsewhere", &own, "is for https://elsewhere"),
        ("databricks://bare", &[], "has no host"),
        ("databricks://both", &[], "auth_type"),
        ("databricks://cli", &[], "databricks auth token --host https://cli"),
        (
            "databricks",
            &[host, ("DATABRICKS_TOKEN", "x"), ("MLFLOW_REGISTRY_URI", "http://h")],
            "databricks-uc",
        ),
        (
            "databricks",
            &[host, ("DATABRICKS_TOKEN", "x"), ("MLFLOW_REGISTRY_URI", "databricks://prod")],
            "another workspace",
        ),
    ] {
        let refused = completed(uri, variables, None).unwrap_err();
        assert!(refused.contains(words) && !refused.contains("s3cr3t"), "{uri} {variables:?}: {refused}");
    }
    let empty = tempfile::tempdir().unwrap();
    let refused = beside("databricks", &[], None, Some(empty.path())).unwrap_err();
    assert!(refused.contains("set DATABRICKS_HOST and DATABRICKS_TOKEN"), "{refused}");
    let refused = beside("databricks://prod", &[], None, Some(empty.path())).unwrap_err();
    assert!(refused.contains("no file") && refused.contains("profile prod"), "{refused}");
    // A line that cannot be read may be a secret.
    std::fs::write(empty.path().join("cfg"), "[DEFAULT]\nhost = https://h\ndapi-s3cr3t-line\n").unwrap();
    let file = empty.path().join("cfg").display().to_string();
    let refused = beside("databricks", &[("DATABRICKS_CONFIG_FILE", &file)], None, None).unwrap_err();
    assert!(refused.contains("line 4") && !refused.contains("s3cr3t"), "{refused}");
    std::fs::write(
        empty.path().join("cfg"),
        "[__settings__]\ndefault_profile = b\n[b]\nhost=h\ntoken=t0ken\n",
    )
    .unwrap();
    let found =
        beside("databricks", &[("DATABRICKS_CONFIG_FILE", "~/cfg")], None, Some(empty.path())).unwrap();
    assert_eq!(host_of(&found), "https://h");
}

#[test]
fn models_are_where_mlflow_looks_for_them() {
    let host = [("DATABRICKS_HOST", "https://h"), ("DATABRICKS_TOKEN", "t0ken")];
    let with = |uri: &str, registry: &[(&str, &str)]| {
        completed(uri, &[&host, registry].concat(), None).unwrap().models()
    };
    let old = [("MLFLOW_REGISTRY_URI", "databricks")];
    assert_eq!(with("databricks", &[]), ModelsIn::UnityCatalog);
    assert_eq!(with("databricks", &old), ModelsIn::Workspace);
    assert_eq!(with("databricks-uc", &old), ModelsIn::UnityCatalog, "the address says so");
    assert_eq!(with("databricks", &[("MLFLOW_REGISTRY_URI", "databricks-uc")]), ModelsIn::UnityCatalog);
    assert_eq!(
        with("databricks://prod", &[("MLFLOW_REGISTRY_URI", "databricks://prod")]),
        ModelsIn::Workspace
    );
    let told = completed("databricks", &[&host[..], &old].concat(), None).unwrap().ways().unwrap();
    let told = told.map(|(name, value)| format!("{name}: {value}")).join("\n");
    assert_eq!(
        told,
        "workspace: https://h (DATABRICKS_HOST)\ncredentials: a token (DATABRICKS_TOKEN)\n\
         models: in the workspace's registry (MLFLOW_REGISTRY_URI)"
    );
}

#[test]
fn scripts_find_the_same_workspace_and_no_secret_is_written_down() {
    let own = [("DATABRICKS_HOST", "https://h"), ("DATABRICKS_TOKEN", "t0ken")];
    let (set, removed) = completed("databricks", &own, None).unwrap().for_scripts();
    assert_eq!(
        set,
        [("MLFLOW_TRACKING_URI", "databricks".to_owned()), ("MLFLOW_REGISTRY_URI", "databricks-uc".into())]
    );
    assert!(removed.is_empty(), "{removed:?}");
    // Its own client would take the variables before the profile.
    let (set, removed) = completed("databricks-uc://prod", &own, None).unwrap().for_scripts();
    assert_eq!(
        (set[0].1.as_str(), set[1].1.as_str(), &set[2..]),
        (
            "databricks://prod",
            "databricks-uc://prod",
            &[("DATABRICKS_CONFIG_PROFILE", "prod".to_owned())][..]
        )
    );
    assert!(removed.contains(&"DATABRICKS_TOKEN") && removed.contains(&"DATABRICKS_HOST"), "{removed:?}");
    let by_host =
        completed("databricks:https://adb-1.2.azuredatabricks.net", &own, None).unwrap().for_scripts();
    assert_eq!((by_host.0[0].1.as_str(), by_host.1.len()), ("databricks://prod", removed.len()));
    let (set, removed) = completed("databricks://prod", &[], Some("given")).unwrap().for_scripts();
    assert_eq!(set[0].1, "databricks");
    assert!(set.contains(&("DATABRICKS_TOKEN", "given".into())), "{set:?}");
    assert!(set.contains(&("DATABRICKS_HOST", "https://adb-1.2.azuredatabricks.net".into())), "{set:?}");
    assert!(removed.contains(&"DATABRICKS_CLIENT_SECRET"), "{removed:?}");
}

#[test]
fn nothing_shows_a_secret() {
    let workspace = completed("databricks://prod", &[], None).unwrap();
    let shown = format!("{workspace} {workspace:?} {:?} {:?}", workspace.found(), workspace.ways());
    assert!(!shown.contains("s3cr3t"), "{shown}");
    assert!(crate::store::secrets::hide("it was s3cr3t-m2m").contains("***"));
}
