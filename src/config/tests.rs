use std::collections::HashMap;
use std::path::Path;

use super::raw::RawProfile;
use super::*;
use crate::learn::data::{DecimalMark, ReadOptions};
use crate::store::uri::{Auth, Location, UriOrigin};
use crate::sweep::header::OpenedBy;

const EXAMPLE: &str = include_str!("../../config.example.toml");

fn environment(variables: &[(&str, &str)]) -> Environment {
    Environment {
        variables: variables
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect::<HashMap<_, _>>(),
        unreadable: Vec::new(),
        folder: "/home/ana".into(),
        home: None,
    }
}

fn load(config: &str, flags: &Flags, variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    std::fs::write(&file, config).unwrap();
    let folders = Folders { config: folder.path().to_owned(), state: folder.path().to_owned() };
    Settings::load(flags, &environment(variables), &folders)
}

#[test]
fn the_example_is_the_defaults() {
    assert_eq!(RawConfig::parse(EXAMPLE, Path::new("example")).unwrap(), RawConfig::default());
}

#[test]
fn the_example_names_every_setting() {
    let uncommented: String = EXAMPLE
        .lines()
        .map(|line| {
            line.strip_prefix("# ").filter(|l| l.starts_with('[') || l.contains(" = ")).unwrap_or(line)
        })
        .fold(String::new(), |text, line| text + line + "\n");
    let mut full = RawConfig::parse(&uncommented, Path::new("example")).unwrap();
    let written = toml::Table::try_from(&full).unwrap();
    full.profiles.insert("empty".into(), RawProfile::default());
    assert_eq!(written["models"]["wine"].as_table().unwrap().len(), 8, "{written:?}");
    assert_eq!(written.len(), 11, "a setting is missing in the example: {written:?}");
    assert_eq!(written["sweep"].as_table().unwrap().len(), 28, "{written:?}");
    assert_eq!(written["sweep"]["slurm"].as_table().unwrap().len(), 10, "{written:?}");
    assert_eq!(written["profiles"]["team"].as_table().unwrap().len(), 14);
}

/// Where there are no flags, as in the explorer, the settings say how a file is read.
#[test]
fn a_sweep_of_the_settings_says_how_its_file_is_read() {
    let config = "[sweep]\nseparator = 'tab'\ndecimal = ','\nno_header = true\n";
    let reading = load(config, &Flags::default(), &[]).unwrap().sweeping.defaults.reading;
    let (separator, decimal) = (Some(b'\t'), Some(DecimalMark::Comma));
    assert_eq!(reading, ReadOptions { separator, decimal, no_header: true, ..ReadOptions::default() });
    for (config, expected) in
        [("decimal = ';'", "the decimal separator must be . or ,"), ("separator = ''", "one character")]
    {
        let error = load(&format!("[sweep]\n{config}\n"), &Flags::default(), &[]).unwrap_err().to_string();
        assert!(error.contains("in [sweep]") && error.contains(expected), "{error}");
    }
}

#[test]
fn a_mistake_is_named_with_file_line_and_valid_keys() {
    let error = load("[tui]\npol_interval = 3.0\n", &Flags::default(), &[]).unwrap_err().to_string();
    assert!(error.contains("config.toml:2:1:") && error.contains("poll_interval"), "{error}");
    let error = load("[tui]\nmouse = \"yes\"\n", &Flags::default(), &[]).unwrap_err().to_string();
    assert!(error.contains("config.toml:2:9:") && error.contains("bool"), "{error}");
    let error = load("", &Flags::default(), &[("MLTUI_MOUSE", "perhaps")]).unwrap_err().to_string();
    assert_eq!(error, "MLTUI_MOUSE is \"perhaps\"; expected true or false");
}

#[test]
fn flag_profile_environment_file_default_in_this_order() {
    let config = "tracking_uri = 'http://file'\n[profiles.p]\ntracking_uri = 'http://profile'\n";
    let uri = |flags: &Flags, variables: &[(&str, &str)]| {
        let settings = load(config, flags, variables).unwrap();
        (settings.tracking_uri, settings.origin)
    };
    let env = [("MLFLOW_TRACKING_URI", "http://env")];
    let flag = Flags { tracking_uri: Some("http://flag".into()), ..Flags::default() };
    let profile = Flags { profile: Some("p".into()), ..Flags::default() };
    assert_eq!(uri(&flag, &env), ("http://flag".into(), UriOrigin::Flag));
    assert_eq!(uri(&profile, &env), ("http://profile".into(), UriOrigin::Profile("p".into())));
    assert_eq!(uri(&Flags::default(), &env).0, "http://env");
    assert_eq!(uri(&Flags::default(), &[]), ("http://file".into(), UriOrigin::Config));
    assert_eq!(load("", &Flags::default(), &[]).unwrap().origin, UriOrigin::Default);
    let unknown = Flags { profile: Some("q".into()), ..Flags::default() };
    let error = load(config, &unknown, &[]).unwrap_err().to_string();
    assert_eq!(error, "no profile \"q\"; the config file has p");
}

#[test]
fn secrets_come_from_the_environment_and_are_never_shown() {
    let config =
        "[profiles.p]\ntracking_uri = 'http://u:pw-in-uri@host'\nusername_env = 'U'\npassword_env = 'P'\n";
    let profile = Flags { profile: Some("p".into()), ..Flags::default() };
    let settings = load(config, &profile, &[("U", "ana"), ("P", "geheim")]).unwrap();
    assert_eq!(
        settings.rest.auth,
        Auth::Basic { user: "u".into(), password: "pw-in-uri".into() },
        "those in the address go before, as with MLflow's client"
    );
    for text in [settings.show(), format!("{:?}", settings.rest)] {
        assert!(!text.contains("geheim") && !text.contains("pw-in-uri"), "{text}");
    }
    let error = load(config, &profile, &[("U", "ana")]).unwrap_err().to_string();
    assert!(error.contains('P') && error.contains("not set"), "{error}");
}

#[test]
fn a_database_server_is_reached_by_the_profile_and_by_libpqs_variables() {
    let config = "[profiles.p]\ntracking_uri = 'postgresql://db.example.org/ml'\nusername_env = 'U'\npassword_env = 'P'\n";
    let profile = Flags { profile: Some("p".into()), ..Flags::default() };
    let variables = [("U", "ana"), ("P", "geheim"), ("PGPASSWORD", "another"), ("PGPORT", "6000")];
    let settings = load(config, &profile, &variables).unwrap();
    let Ok(Location::Postgres(database)) = &settings.location else { panic!("{:?}", settings.location) };
    assert_eq!((database.user(), database.password()), ("ana".into(), Some("geheim")));
    assert_eq!(database.to_string(), "postgresql://db.example.org:6000/ml");
    assert!(!settings.show().contains("geheim"));
    let given = settings.script_access().variables;
    let given = |name: &str| given.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    assert_eq!(given("MLFLOW_TRACKING_URI"), Some("postgresql://ana@db.example.org:6000/ml"));
    assert_eq!((given("PGPASSWORD"), given("MLFLOW_TRACKING_PASSWORD")), (Some("geheim"), None));
    // What is for a server of MLflow's is not for one of a database.
    let flag = Flags { tracking_uri: Some("postgresql://bob@h/ml".into()), ..Flags::default() };
    let login = [("MLFLOW_TRACKING_USERNAME", "ana"), ("MLFLOW_TRACKING_PASSWORD", "geheim")];
    let settings = load("", &flag, &login).unwrap();
    let Ok(Location::Postgres(database)) = &settings.location else { panic!("{:?}", settings.location) };
    assert_eq!((database.user(), database.password()), ("bob".into(), None));
    let wrong = load("", &flag, &[("PGSSLMODE", "maybe")]).unwrap().location.unwrap_err();
    assert!(wrong.to_string().contains("sslmode=maybe"), "{wrong}");
}

#[test]
fn a_script_is_told_which_server_keeps_the_files_of_its_database() {
    let config = "[profiles.p]\ntracking_uri = 'postgresql://ana:pw@h/ml'\nusername_env = 'DB'\n\
        artifacts_server = 'http://bob:geheim@ml:5000'\n";
    let flags = Flags { profile: Some("p".into()), ..Flags::default() };
    let settings = load(config, &flags, &[("DB", "ana")]).unwrap();
    let told = settings.script_access().variables;
    for (name, value) in [
        ("MLTUI_ARTIFACTS_SERVER", "http://ml:5000"),
        ("MLFLOW_TRACKING_USERNAME", "bob"),
        ("MLFLOW_TRACKING_PASSWORD", "geheim"),
    ] {
        assert!(told.contains(&(name.into(), value.into())), "{told:?}");
    }
    let shell = settings.shell_variables(|_| None);
    let of = |name: &str| shell.iter().find(|(known, _)| known == name).map(|(_, told)| told.clone());
    assert_eq!(of("MLFLOW_TRACKING_USERNAME"), Some(ShellVariable::Plain("bob".into())));
    assert_eq!(of("MLFLOW_TRACKING_PASSWORD"), Some(ShellVariable::Secret));
}

#[test]
fn credentials_follow_mlflows_client() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".mlflow")).unwrap();
    std::fs::write(
        home.path().join(".mlflow/credentials"),
        "[mlflow]\nmlflow_tracking_username = filed\nmlflow_tracking_password = pass\\word\n",
    )
    .unwrap();
    let folders = Folders { config: "/nowhere".into(), state: "/nowhere".into() };
    let auth = |variables: &[(&str, &str)]| {
        let environment = Environment { home: Some(home.path().into()), ..environment(variables) };
        Settings::load(&Flags::default(), &environment, &folders).unwrap().rest.auth
    };
    let basic = |user: &str, password: &str| Auth::Basic { user: user.into(), password: password.into() };
    assert_eq!(auth(&[]), basic("filed", "pass\\word"));
    assert_eq!(auth(&[("MLFLOW_TRACKING_USERNAME", "ana")]), basic("ana", "pass\\word"));
    assert_eq!(auth(&[("MLFLOW_TRACKING_TOKEN", "t")]), basic("filed", "pass\\word"), "a token is used last");
    std::fs::remove_file(home.path().join(".mlflow/credentials")).unwrap();
    assert_eq!(auth(&[("MLFLOW_TRACKING_TOKEN", "t")]), Auth::Bearer("t".into()));
}

#[test]
fn no_color_is_obeyed() {
    let color = |variables: &[(&str, &str)]| load("", &Flags::default(), variables).unwrap().color;
    assert!(color(&[("TERM", "xterm")]) && color(&[("NO_COLOR", "")]));
    assert!(!color(&[("NO_COLOR", "1")]) && !color(&[("TERM", "dumb")]));
}

#[test]
fn the_python_clients_variables_are_obeyed() {
    let options = load(
        "[http]\ntimeout = 5.0\nmax_retries = 2\n",
        &Flags::default(),
        &[
            ("MLFLOW_HTTP_REQUEST_TIMEOUT", "7"),
            ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "30"),
            ("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0.5"),
            ("MLFLOW_HTTP_REQUEST_BACKOFF_JITTER", "0"),
            ("MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER", "false"),
            ("MLFLOW_TRACKING_SERVER_CERT_PATH", "/ca.pem"),
            ("MLFLOW_TRACKING_CLIENT_CERT_PATH", "/me.pem"),
            ("MLFLOW_WORKSPACE", "research"),
        ],
    )
    .unwrap()
    .rest;
    assert_eq!(options.timeout.as_secs(), 7);
    assert_eq!(options.max_retries, 10, "as many as MLflow's client allows");
    assert!(
        (options.backoff_factor - 0.5).abs() < f64::EPSILON && options.backoff_jitter.abs() < f64::EPSILON
    );
    assert!(!options.respect_retry_after && options.allow_redirects && !options.insecure_tls);
    assert_eq!(options.ca_file.as_deref(), Some(Path::new("/ca.pem")));
    assert_eq!(options.client_cert.as_deref(), Some(Path::new("/me.pem")));
    assert_eq!(options.workspace.as_deref(), Some("research"));
    let error =
        load("", &Flags::default(), &[("MLFLOW_HTTP_REQUEST_TIMEOUT", "-1")]).unwrap_err().to_string();
    assert!(error.contains("MLFLOW_HTTP_REQUEST_TIMEOUT"), "{error}");
}

const CREDENTIALS: [(&str, &str); 4] = [
    ("MLFLOW_TRACKING_USERNAME", "ana"),
    ("MLFLOW_TRACKING_PASSWORD", "geheim"),
    ("MLFLOW_TRACKING_CLIENT_CERT_PATH", "/me.pem"),
    ("MLFLOW_TRACKING_INSECURE_TLS", "true"),
];

/// What a server is told where the environment has credentials, and its own server or none.
fn told(config: &str, flags: &Flags, own: Option<&str>) -> crate::store::uri::RestOptions {
    let own = own.map(|own| ("MLFLOW_TRACKING_URI", own));
    let variables: Vec<_> =
        CREDENTIALS.into_iter().chain([("MLFLOW_WORKSPACE", "research")]).chain(own).collect();
    load(config, flags, &variables).unwrap().rest
}

#[test]
fn the_environments_credentials_go_to_its_own_server_only() {
    let flag = |uri: &str| Flags { tracking_uri: Some(uri.into()), ..Flags::default() };
    let all = |rest: &crate::store::uri::RestOptions| {
        let knows = rest.auth != Auth::None;
        // Whatever goes along, goes along together.
        assert_eq!(
            (rest.client_cert.is_some(), rest.insecure_tls, rest.workspace.is_some()),
            (knows, knows, knows)
        );
        knows
    };
    for (uri, own, goes) in [
        // Where the environment names no server, as with MLflow.
        ("http://other", None, true),
        ("http://other", Some("sqlite:///mlflow.db"), true),
        ("http://own:5000/team", Some("http://own:5000"), true),
        ("HTTP://OWN:80", Some("http://own"), true),
        ("http://other", Some("http://own"), false),
        ("http://own", Some("https://own"), false),
        ("http://own:5000", Some("http://own:5001"), false),
        ("http://own.example.org", Some("http://own"), false),
        ("http://other", Some("own:5000"), false),
        ("http://other", Some("databricks"), false),
    ] {
        let rest = told("", &flag(uri), own);
        assert_eq!(all(&rest), goes, "{uri} beside {own:?}");
        assert_eq!(rest.withheld.is_some(), !goes, "{uri} beside {own:?}");
    }
    let why = told("", &flag("http://other"), Some("http://x:pw@own")).withheld.unwrap();
    assert_eq!(
        why,
        "the credentials in the environment are for http://***@own, which MLFLOW_TRACKING_URI names"
    );
    assert!(all(&told("", &Flags::default(), Some("http://own"))));
    assert!(all(&told("tracking_uri = 'http://file'", &Flags::default(), None)));
    let nothing = load("", &flag("http://other"), &[("MLFLOW_TRACKING_URI", "http://own")]).unwrap().rest;
    assert_eq!(nothing.withheld, None, "there is nothing to withhold");
}

#[test]
fn a_profile_with_an_address_of_its_own_takes_no_credentials_from_elsewhere() {
    let config = "[profiles.bare]\ntracking_uri = 'http://team'\n\
                  [profiles.asks]\ntracking_uri = 'http://team'\nauth = 'environment'\n\
                  [profiles.here]\nread_only = true\n\
                  [profiles.url]\ntracking_uri = 'http://bob:own@team'\n\
                  [profiles.token]\ntracking_uri = 'http://team'\ntoken_env = 'HOME_TOKEN'\n";
    let told = |name: &str, own: Option<&str>| {
        told(config, &Flags { profile: Some(name.into()), ..Flags::default() }, own)
    };
    let ana = Auth::Basic { user: "ana".into(), password: "geheim".into() };
    for own in [None, Some("http://own")] {
        let bare = told("bare", own);
        assert_eq!(
            (bare.auth, bare.client_cert, bare.insecure_tls, bare.workspace),
            (Auth::None, None, false, None)
        );
        assert!(bare.withheld.unwrap().contains("auth = \"environment\""));
        assert_eq!(told("asks", own).auth, ana);
        assert_eq!(told("url", own).auth, Auth::Basic { user: "bob".into(), password: "own".into() });
    }
    assert_eq!(told("bare", Some("http://team")).auth, ana, "the same server");
    assert_eq!(told("here", Some("http://own")).auth, ana, "the environment's own address");
    let flags = Flags { profile: Some("token".into()), ..Flags::default() };
    let variables: Vec<_> = CREDENTIALS.into_iter().chain([("HOME_TOKEN", "t")]).collect();
    assert_eq!(load(config, &flags, &variables).unwrap().rest.auth, Auth::Bearer("t".into()));
    let unreadable = Environment { unreadable: vec!["HOME_TOKEN".into()], ..environment(&[]) };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.toml"), config).unwrap();
    let folders = Folders { config: folder.path().to_owned(), state: folder.path().to_owned() };
    let error = Settings::load(&flags, &unreadable, &folders).unwrap_err().to_string();
    assert!(error.contains("HOME_TOKEN is not valid UTF-8"), "{error}");
}

#[test]
fn another_process_learns_the_address_by_a_variable() {
    let uri = "http://ana:geheim@host/#/experiments/7";
    let flags = Flags { tracking_uri: Some(uri.into()), ..Flags::default() };
    let settings = load("profile = 'p'\n[profiles.p]\ntracking_uri = 'http://p'\n", &flags, &[]).unwrap();
    assert_eq!(settings.experiment.as_deref(), Some("7"));
    let same = settings.same_store();
    assert!(!format!("{same:?} {settings:?}").contains("geheim"), "{settings:?}");
    let handed: Vec<_> = same.variables.iter().map(|(name, uri)| (*name, uri.as_written())).collect();
    assert_eq!(handed, [("MLTUI_TRACKING_URI", uri)]);
    let config = "profile = 'p'\n[profiles.p]\ntracking_uri = 'http://p'\n";
    let mut other = load(config, &Flags::default(), &handed).unwrap();
    // Each has a state folder of its own here.
    other.rest.cache_folder.clone_from(&settings.rest.cache_folder);
    assert_eq!((&other.location, &other.rest), (&settings.location, &settings.rest));
    let profile = Flags { profile: Some("p".into()), ..Flags::default() };
    assert_eq!(load(config, &profile, &handed).unwrap().tracking_uri, "http://p");
}

#[test]
fn the_same_again_goes_by_the_profile_or_by_an_address_without_secrets() {
    let config = "[profiles.far]\ntracking_uri = 'postgresql://ana:s3cret@db/ml'\nssh_host = 'login1'\n";
    let far = Flags { profile: Some("far".into()), ..Flags::default() };
    assert_eq!(load(config, &far, &[]).unwrap().opened_by(), OpenedBy::Profile("far".into()));
    for (uri, said) in [
        ("http://ana:s3cret@h/?workspace=team#/experiments/7", "http://h/?workspace=team"),
        ("http://ana:s3cret@h:5000", "http://h:5000"),
        ("sqlite:////data/x.db", "sqlite:////data/x.db"),
    ] {
        let flags = Flags { tracking_uri: Some(uri.into()), ..Flags::default() };
        let settings = load(config, &flags, &[]).unwrap();
        assert_eq!(settings.opened_by(), OpenedBy::TrackingUri(said.into()));
        let again = Flags { tracking_uri: Some(said.into()), ..Flags::default() };
        let again = load(config, &again, &[]).unwrap();
        assert_eq!(
            (again.store_name(), again.rest.workspace),
            (settings.store_name(), settings.rest.workspace)
        );
    }
}

#[test]
fn the_address_of_a_page_names_its_workspace() {
    let config =
        "[profiles.p]\ntracking_uri = 'http://h/?workspace=team#/experiments/7'\nworkspace = 'own'\n";
    let flag = |uri: &str| Flags { tracking_uri: Some(uri.into()), ..Flags::default() };
    let profile = Flags { profile: Some("p".into()), ..Flags::default() };
    for flags in [&flag("http://h/?workspace=team#/experiments/7"), &profile] {
        let settings = load(config, flags, &[("MLFLOW_WORKSPACE", "mine")]).unwrap();
        assert_eq!(settings.rest.workspace.as_deref(), Some("team"));
        assert_eq!(settings.experiment.as_deref(), Some("7"));
        let told = settings.script_access().variables;
        assert!(told.contains(&("MLFLOW_WORKSPACE".into(), "team".into())), "{told:?}");
        let page = settings.location.unwrap().page(settings.rest.workspace.as_deref());
        assert_eq!(page.as_deref(), Some("http://h/?workspace=team#"));
    }
    let plain = load("", &flag("http://h"), &[("MLFLOW_WORKSPACE", "mine")]).unwrap();
    assert_eq!(plain.rest.workspace.as_deref(), Some("mine"));
    let refused = load("", &flag("http://h/?workspace=%C3%A4#/"), &[]).unwrap_err().to_string();
    assert!(refused.contains("workspace in the tracking URI"), "{refused}");
}

/// Wherever the system knows users from: a file, LDAP and the like.
#[cfg(unix)]
#[test]
fn the_user_is_who_the_system_says() {
    let said = std::process::Command::new("id").arg("-un").output().unwrap().stdout;
    let named = load("", &Flags::default(), &[("LOGNAME", "ana")]).unwrap();
    let not_named = load("", &Flags::default(), &[]).unwrap();
    assert_eq!(
        (named.user.as_str(), not_named.user),
        ("ana", String::from_utf8(said).unwrap().trim().to_owned())
    );
}

#[test]
fn one_address_behind_two_machines_is_two_stores() {
    for uri in ["postgresql://ana@10.0.0.5/ml", "mysql://ana@db.internal/ml", "http://localhost:5000"] {
        let config = ["login1", "login2"]
            .map(|host| format!("[profiles.{host}]\ntracking_uri = '{uri}'\nssh_host = '{host}'\n"));
        let config = format!("{}[profiles.here]\ntracking_uri = '{uri}'\n", config.concat());
        let name = |profile: &str| {
            let flags = Flags { profile: Some(profile.into()), ..Flags::default() };
            load(&config, &flags, &[]).unwrap().store_name()
        };
        let names = [name("here"), name("login1"), name("login2")];
        assert_eq!(names.iter().collect::<std::collections::HashSet<_>>().len(), 3, "{names:?}");
        assert!(names[1].contains("login1"), "{names:?}");
    }
}

#[test]
fn scripts_may_log_to_a_folder_of_files() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("mlruns")).unwrap();
    let uri = home.path().join("mlruns").display().to_string();
    let settings =
        load("", &Flags { tracking_uri: Some(uri.as_str().into()), ..Flags::default() }, &[]).unwrap();
    let access = settings.script_access();
    let value =
        |name: &str| access.variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    assert_eq!(value("MLFLOW_TRACKING_URI"), Some(format!("file://{uri}")));
    // MLflow 3.17 opens none without it.
    assert_eq!(value("MLFLOW_ALLOW_FILE_STORE").as_deref(), Some("true"));
}

#[test]
fn a_workspace_of_databricks_gets_its_own_credentials_and_scripts_find_it() {
    let flag = |uri: &str| Flags { tracking_uri: Some(uri.into()), ..Flags::default() };
    let host = ("DATABRICKS_HOST", "https://h.cloud.databricks.com/");
    let own = [
        host,
        ("DATABRICKS_TOKEN", "dapi-s3cr3t"),
        ("MLFLOW_TRACKING_USERNAME", "ana"),
        ("MLFLOW_TRACKING_PASSWORD", "geheim"),
        ("MLFLOW_WORKSPACE", "research"),
    ];
    let settings = load("", &flag("databricks"), &own).unwrap();
    assert_eq!((&settings.rest.auth, settings.rest.workspace.as_deref()), (&Auth::None, None));
    let location = settings.location.as_ref().unwrap();
    assert_eq!(location.name(), "databricks:https://h.cloud.databricks.com");
    assert_eq!(location.page(None).as_deref(), Some("https://h.cloud.databricks.com/ml"));
    let value =
        |name: &str| own.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    let told = settings.shell_variables(value);
    let said = |name: &str| told.iter().find(|(known, _)| known == name).map(|(_, said)| said.clone());
    assert_eq!(said("MLFLOW_TRACKING_URI"), Some(ShellVariable::Plain("databricks".into())));
    assert_eq!(said("MLFLOW_REGISTRY_URI"), Some(ShellVariable::Plain("databricks-uc".into())));
    assert_eq!(said("MLFLOW_TRACKING_PASSWORD"), Some(ShellVariable::Unset));
    assert_eq!(said("DATABRICKS_TOKEN"), None, "it is there already");

    let config = "[profiles.dbx]\ntracking_uri = 'databricks'\ntoken_env = 'MY_TOKEN'\n";
    let profile = Flags { profile: Some("dbx".into()), ..Flags::default() };
    let settings = load(config, &profile, &[host, ("MY_TOKEN", "mine-s3cr3t")]).unwrap();
    let told = settings.shell_variables(|_| None);
    let token = ("DATABRICKS_TOKEN".to_owned(), ShellVariable::Of("MY_TOKEN".into()));
    assert!(told.contains(&token), "{told:?}");
    assert!(!format!("{settings:?} {}", settings.show()).contains("s3cr3t"), "{settings:?}");

    let refused = load("", &flag("databricks"), &[]).unwrap().location.unwrap_err().to_string();
    assert!(refused.contains("set DATABRICKS_HOST and DATABRICKS_TOKEN"), "{refused}");
    let unreadable = Environment { unreadable: vec!["DATABRICKS_TOKEN".into()], ..environment(&[host]) };
    let folders = Folders { config: "/nowhere".into(), state: "/nowhere".into() };
    let refused = Settings::load(&flag("databricks"), &unreadable, &folders).unwrap_err().to_string();
    assert!(refused.contains("DATABRICKS_TOKEN is not valid UTF-8"), "{refused}");
}
