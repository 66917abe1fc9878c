//! Debian's Zabbix with `examples/zabbix`: the media type is imported through the interface, and so is all the rest made;
//! a value brings a problem, somebody says something about it, and a value ends it.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use super::lab::{Bell, Lab, Running, example, here};
use super::phone::Phone;
use crate::program::{Kind, free_port, until};
use crate::wire::exchange;

const SERVER: &str = "
DBHost=@DIR@/run
DBName=zabbix
DBUser=zabbix
ListenIP=127.0.0.1
ListenPort=@PORT@
LogType=console
PidFile=@DIR@/run/zabbix.pid
SocketDir=@DIR@/run
AlertScriptsPath=@DIR@/alertscripts
AllowRoot=1
CacheUpdateFrequency=1
StartPollers=1
StartPollersUnreachable=1
StartTrappers=1
StartPingers=0
StartDiscoverers=0
StartHTTPPollers=0
StartDBSyncers=1
StartLLDProcessors=1
StartAlerters=2
";

/// The frontend's own settings.
const FRONTEND: &str = "<?php
$DB['TYPE'] = 'POSTGRESQL'; $DB['SERVER'] = '@DIR@/run'; $DB['PORT'] = '0'; $DB['DATABASE'] = 'zabbix';
$DB['USER'] = 'zabbix'; $DB['PASSWORD'] = ''; $DB['SCHEMA'] = ''; $DB['ENCRYPTION'] = false;
$DB['DOUBLE_IEEE754'] = true; $IMAGE_FORMAT_DEFAULT = IMAGE_FORMAT_PNG;
";

/// Makes a cluster, and in it what Zabbix ships. PostgreSQL refuses to run as root.
const DATABASE: &str = r#"
bin=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
ln -s "$bin/postgres" postgres
as=(env)
if ((EUID == 0)); then
    chown postgres . run
    as=(setpriv --reuid=postgres --regid=postgres --init-groups)
fi
"${as[@]}" "$bin/initdb" -D "$PWD/pg" -U zabbix -A trust -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
cat >>pg/postgresql.conf <<END
listen_addresses = ''
unix_socket_directories = '$PWD/run'
fsync = off
synchronous_commit = off
full_page_writes = off
END
"#;

/// The tables, and of what Zabbix ships those rows without which nobody can log in: its hundreds of templates, which take
/// a minute, have nothing to do with this.
const SCHEMA: &str = r#"
for ((n = 0; n < 600; n++)); do pg_isready -q -h "$PWD/run" && break; sleep 0.1; done
createdb -h "$PWD/run" -U zabbix zabbix
{
    zcat /usr/share/zabbix-server-pgsql/schema.sql.gz
    zcat /usr/share/zabbix-server-pgsql/data.sql.gz | awk '
        BEGIN { split("role role_rule users usrgrp users_groups hstgrp config config_autoreg_tls", names); for (i in names) wanted[names[i]] }
        /^INSERT INTO / { keep = $3 in wanted }
        /^COMMIT/ { keep = 0 }
        keep'
} | psql -h "$PWD/run" -U zabbix -qX1 -v ON_ERROR_STOP=1 zabbix >/dev/null
"#;

struct Zabbix {
    lab: Lab,
    running: Vec<Running>,
    server: u16,
    web: u16,
    session: Option<String>,
}

impl Zabbix {
    fn start(lab: Lab) -> Zabbix {
        // PostgreSQL's user has to come by.
        std::fs::set_permissions(lab.path(""), std::fs::Permissions::from_mode(0o755)).unwrap();
        lab.folder("run");
        lab.run("bash", &["-euo", "pipefail", "-c", DATABASE]);
        let data = lab.path("pg");
        let database = lab.start_as("postgres", "./postgres", &["-D", data.to_str().unwrap()]);
        let (server, web) = (free_port(), free_port());
        let mut zabbix = Zabbix { lab, running: vec![database], server, web, session: None };
        let socket = zabbix.lab.path("run/.s.PGSQL.5432");
        zabbix.running[0].is_up(|| socket.exists());
        let lab = &zabbix.lab;
        // While that is written the frontend is copied, for it reads its settings from one place only.
        let files = "cp -r /usr/share/zabbix web && sed -i \"s|/etc/zabbix/zabbix.conf.php|$PWD/zabbix.conf.php|\" \
             web/include/classes/core/CConfigFile.php";
        lab.run("sh", &["-ec", files]);
        lab.write("zabbix.conf.php", &FRONTEND.replace("@DIR@", lab.shown()));
        lab.run("bash", &["-euo", "pipefail", "-c", SCHEMA]);
        let address = format!("127.0.0.1:{web}");
        let php = lab.start("php", &["-S", &address, "-t", "web"], |_| ());
        zabbix.running.push(php.listens(web));
        zabbix
    }

    /// Calls the interface, which must do it.
    fn asks(&self, method: &str, params: &Value) -> Value {
        let mut call = json!({ "jsonrpc": "2.0", "method": method, "params": params, "id": 1 });
        if let Some(session) = &self.session {
            call["auth"] = json!(session);
        }
        let body = call.to_string();
        let head =
            "POST /api_jsonrpc.php HTTP/1.1\r\nHost: web\r\nConnection: close\r\nContent-Type: application/json-rpc";
        let request = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let answer = exchange(self.web, request.as_bytes()).unwrap();
        let read: Value = serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{method}: {}", answer.body));
        assert!(read.get("result").is_some(), "{method}: {read}");
        read["result"].clone()
    }

    /// The id of what was made.
    fn makes(&self, method: &str, ids: &str, params: &Value) -> String {
        self.asks(method, params)[ids][0].as_str().unwrap().to_owned()
    }

    fn log_in(&mut self, user: &str, password: &str) {
        self.session = None;
        let session = self.asks("user.login", &json!({ "username": user, "password": password }));
        self.session = session.as_str().map(str::to_owned);
    }

    /// Everything that an administrator does once, after the import: two media of one user, an action, and something
    /// to watch.
    fn set_up(&mut self, media: &str, token: &str) {
        self.log_in("Admin", "zabbix");
        let rules = json!({ "mediaTypes": { "createMissing": true, "updateExisting": true } });
        let import = json!({ "format": "yaml", "rules": rules, "source": media });
        assert_eq!(self.asks("configuration.import", &import), json!(true));
        self.asks("usermacro.createglobal", &json!({ "macro": "{$HOOKBELL.TOKEN}", "value": token, "type": "1" }));
        let found = self.asks("mediatype.get", &json!({ "filter": { "name": "hookbell" } }));
        let webhook = found[0]["mediatypeid"].as_str().unwrap().to_owned();
        let templates: Vec<Value> = ["0", "1"]
            .iter()
            .map(|mode| json!({ "eventsource": "0", "recovery": mode, "subject": "{EVENT.STATUS}: {EVENT.NAME}", "message": "{HOST.NAME}\n{EVENT.SEVERITY}" }))
            .collect();
        let script = json!({
            "name": "hookbell.sh", "type": "1", "exec_path": "hookbell.sh", "message_templates": templates,
            "exec_params": "{ALERT.SENDTO}\n{ALERT.SUBJECT}\n{ALERT.MESSAGE}\n",
        });
        let script = self.makes("mediatype.create", "mediatypeids", &script);
        let medium = |id: &str, to: &str| json!({ "mediatypeid": id, "sendto": [to], "active": 0, "severity": 63, "period": "1-7,00:00-24:00" });
        let medias = [medium(&webhook, "ivan"), medium(&script, "petr")];
        let medias = medias.map(|mut medium| {
            // Only mail has several.
            medium["sendto"] = medium["sendto"][0].clone();
            medium
        });
        self.asks("user.update", &json!({ "userid": "1", "medias": medias }));
        let group = self.makes("hostgroup.create", "groupids", &json!({ "name": "hookbell" }));
        let host = json!({ "host": "trial-host", "name": "Сервер «Альфа» 🖥", "groups": [{ "groupid": group }], "interfaces": [] });
        let host = self.makes("host.create", "hostids", &host);
        let item = json!({ "name": "disk", "key_": "disk", "hostid": host, "type": 2, "value_type": 3 });
        self.makes("item.create", "itemids", &item);
        let trigger = json!({
            "description": "Диск 🔥 \"sda\" & 95%", "expression": "last(/trial-host/disk)>10", "priority": "4",
            "opdata": "now {ITEM.LASTVALUE1}", "manual_close": "1",
        });
        self.makes("trigger.create", "triggerids", &trigger);
        let tell = json!([{ "operationtype": "0", "opmessage": { "default_msg": "1", "mediatypeid": "0" }, "opmessage_usr": [{ "userid": "1" }] }]);
        let told = json!([{ "operationtype": "11", "opmessage": { "default_msg": "1" } }]);
        let updated = json!([{ "operationtype": "12", "opmessage": { "default_msg": "1" } }]);
        let action = json!({
            "name": "hookbell", "eventsource": "0", "esc_period": "1h", "operations": tell,
            "recovery_operations": told, "update_operations": updated,
        });
        self.makes("action.create", "actionids", &action);
    }

    /// Starts the server, which then knows all of that from the beginning.
    fn serve(&mut self, bell: &Bell) {
        let lab = &self.lab;
        let text = SERVER.replace("@DIR@", lab.shown()).replace("@PORT@", &self.server.to_string());
        let config = lab.write("server.conf", &text);
        lab.folder("alertscripts");
        std::os::unix::fs::symlink(example("zabbix/hookbell.sh"), lab.path("alertscripts/hookbell.sh")).unwrap();
        let (url, header) = (bell.url(), bell.header(lab));
        let daemon = lab.start("zabbix_server", &["-f", "-c", config.to_str().unwrap()], |command| {
            command.env("HOOKBELL_URL", url).env("HOOKBELL_HEADER", header);
        });
        self.running.push(daemon);
    }

    /// Sends a value, as soon as the server knows the item.
    fn value(&self, value: &str) {
        let port = self.server.to_string();
        let arguments = ["-z", "127.0.0.1", "-p", &port, "-s", "trial-host", "-k", "disk", "-o", value, "-vv"];
        let taken = until(super::lab::PATIENCE, || {
            let output = std::process::Command::new("zabbix_sender").args(arguments).output().unwrap();
            String::from_utf8_lossy(&output.stdout).contains("processed: 1; failed: 0")
        });
        assert!(taken, "the server does not take the value: {}", self.log());
    }

    fn log(&self) -> String {
        let alerts = self.asks("alert.get", &json!({ "output": ["status", "error", "subject"] }));
        self.running
            .iter()
            .map(Running::log)
            .map(|log| log.lines().rev().take(40).collect::<Vec<_>>().join("\n"))
            .collect::<String>()
            + &alerts.to_string()
    }
}

/// Without what is another at each run.
fn timeless(text: &str) -> String {
    let changes =
        [(r"\d{4}\.\d\d\.\d\d \d\d:\d\d:\d\d", "TIME"), (r"\b(\d+[ms] ?)+", "AGE"), (r"event \d+", "event N")];
    changes.iter().fold(text.to_owned(), |text, (pattern, name)| {
        regex::Regex::new(pattern).unwrap().replace_all(&text, *name).into_owned()
    })
}

#[test]
#[ignore = "needs Zabbix: tests/real/run"]
fn zabbix_tells_of_a_problem_what_is_said_about_it_and_its_end() {
    let programs = ["zabbix_server", "zabbix_sender", "/usr/share/zabbix/api_jsonrpc.php", "php", "psql", "curl"];
    if !here("Zabbix", &programs) {
        return;
    }
    let (lab, phone) = (Lab::new(), Phone::new());
    let bell = Bell::hang(&lab, "zabbix", &phone);
    let program = Kind::Ours.program();
    let media = lab.run(program.to_str().unwrap(), &["zabbix-media", "-url", &bell.url()]);
    let mut zabbix = Zabbix::start(lab);
    zabbix.set_up(&media, &bell.token());
    zabbix.serve(&bell);
    let why = || format!("{}\n{}", zabbix.log(), bell.log());

    zabbix.value("42");
    let problem = phone.rings("123456789", 1, why).remove(0);
    let name = "Диск 🔥 \"sda\" & 95%";
    assert_eq!(timeless(&problem), format!("🔴 {name}\nСервер «Альфа» 🖥: High\nnow 42\nTIME, event N"));
    let by_script = phone.rings("987654321", 1, why).remove(0);
    assert_eq!(by_script, format!("PROBLEM: {name}\nСервер «Альфа» 🖥\nHigh"));

    let event = zabbix.asks("problem.get", &json!({}))[0]["eventid"].clone();
    // Nobody is told of what they said themselves.
    let olga = json!({ "username": "olga", "passwd": "Za-bell-1x", "name": "Ольга", "surname": "Петрова", "roleid": "3", "usrgrps": [{ "usrgrpid": "7" }] });
    zabbix.asks("user.create", &olga);
    zabbix.log_in("olga", "Za-bell-1x");
    let why = || format!("{}\n{}", zabbix.log(), bell.log());
    zabbix.asks("event.acknowledge", &json!({ "eventids": event, "action": 6, "message": "смотрю" }));
    let update = phone.rings("123456789", 2, why).remove(1);
    let said = "Ольга Петрова (olga) acknowledged and commented\nсмотрю\nPROBLEM for AGE, acknowledged: Yes, event N";
    assert_eq!(timeless(&update), format!("💬 {name}\nСервер «Альфа» 🖥: {said}"));

    zabbix.value("1");
    let recovery = phone.rings("123456789", 3, why).remove(2);
    assert_eq!(timeless(&recovery), format!("✅ {name}\nСервер «Альфа» 🖥: resolved after AGE\nTIME, event N"));
    let by_script = phone.rings("987654321", 2, why).remove(1);
    assert_eq!(by_script, format!("RESOLVED: {name}\nСервер «Альфа» 🖥\nHigh"));
}
