# Prometheus scrapes the admin listener, on loopback and with the token, by the files of examples/prometheus. Sourced by run.
mkdir "$work/prometheus"
cd "$work/prometheus"
shown=$root/examples/prometheus

(cd "$shown" && promtool check rules rules.yml && promtool test rules rules.test.yml) >said 2>&1 ||
    fail "examples/prometheus/rules.yml: $(cat said)"
promtool check config --syntax-only "$shown/prometheus.yml" >said 2>&1 ||
    fail "examples/prometheus/prometheus.yml: $(cat said)"
pass

# bell NAME ADMIN-HOST flags…: a daemon of its own; its port is in ports[NAME].
declare -A ports
bell() {
    local name=$1 host=$2
    shift 2
    ports[$name]=$(free_port)
    mkdir "$name"
    cp "$root/hooks.json" "$name"
    (cd "$name" && exec "$binary" -ip 127.0.0.1 -port 0 -admin "$host:${ports[$name]}" "$@") >"$name.log" 2>&1 &
    pids+=($!)
    until_ok curl -fsS -o answer "http://127.0.0.1:${ports[$name]}/readyz" ||
        fail "the admin listener of $name does not answer: $(cat "$name.log")"
}
echo "a-token-for-prometheus" >token
bell near 127.0.0.1
bell far 0.0.0.0 -admin-token-file ../token

# Both formats are as promtool and Prometheus want them.
curl -fsS "http://127.0.0.1:${ports[near]}/metrics" >page
promtool check metrics <page >said 2>&1 || fail "/metrics: $(cat said)"
pass

port=$(free_port)
sed -e "s|127.0.0.1:9001|127.0.0.1:${ports[near]}|" -e "s|rules.yml|$shown/rules.yml|" "$shown/prometheus.yml" >prometheus.yml
cat >>prometheus.yml <<YML
  - job_name: far
    authorization:
      credentials_file: $PWD/token
    static_configs:
      - targets: ["127.0.0.1:${ports[far]}"]
global:
  scrape_interval: 1s
  evaluation_interval: 1s
YML
promtool check config prometheus.yml >said 2>&1 || fail "$(cat said)"
prometheus --config.file prometheus.yml --storage.tsdb.path data --web.listen-address "127.0.0.1:$port" >prometheus.log 2>&1 &
pids+=($!)

# finds QUERY VALUE: Prometheus' API answers with this value.
query() {
    curl -fsS -G --data-urlencode "query=$1" "http://127.0.0.1:$port/api/v1/query" >found && grep -qE "\"$2\"\]" found
}
finds() {
    until_ok query "$@" || fail "Prometheus has no $1 of $2: $(cat found); $(tail -n 3 prometheus.log)"
    pass
}
finds 'up{job="hookbell"}' 1
finds 'up{job="far"}' 1
call=$(grep -o 'listening on 127.0.0.1:[0-9]*' near.log)
curl -fsS -o answer -G -d msg=scraped "http://${call#listening on }/hooks/wp-admin"
finds 'hookbell_hook_calls_total{job="hookbell",hook="wp-admin",outcome="accepted"}' 1
finds 'hookbell_deliveries_total{job="hookbell",state="sent"}' 1
finds 'hookbell_accept_to_sent_seconds_bucket{job="hookbell",le="+Inf"}' 1
finds 'hookbell_build_info{job="far"}' 1
finds 'count(process_resident_memory_bytes{job="hookbell"} > 1e6)' 1

# The rules are loaded, and one of them sees what it is for.
curl -fsS "http://127.0.0.1:$port/api/v1/rules" >found
grep -q HookbellDown found || fail "the alert rules are not loaded: $(cat found)"
echo "[ {" >near/hooks.json
finds 'hookbell_config_last_reload_successful{job="hookbell"}' 0
finds 'count(ALERTS{alertname="HookbellReloadFailed"})' 1
cd "$work"
