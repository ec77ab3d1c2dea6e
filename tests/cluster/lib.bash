# Shared by up, down and restart-apiserver: where things are, and how each program is started.
# shellcheck shell=bash

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
dir=${COCKPIT_CLUSTER_DIR:-$root/target/cluster}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
bin=$dir/bin
run=$dir/run
share=$dir/share

say() { printf '%s\n' "$*" >&2; }
fail() { say "error: $*"; exit 1; }

# One of up, down and restart-apiserver at a time. Held by descriptor 9 until the script ends; `start` closes it.
exclusive() {
  if command -v flock >/dev/null; then
    exec 9>"$dir/lock"
    flock 9
  fi
}

# --- ports ---------------------------------------------------------------------------------------------------------
# Chosen when the bed is first brought up and kept in $run/ports until it is taken down, so that a restarted server is
# found where it was.
port_names=(
  etcd etcd_peer apiserver controllers scheduler rollouts_health rollouts_metrics kwok prometheus exporter
  redis argocd_repo argocd_repo_metrics argocd_metrics postgres unleash
)

in_use() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

choose_ports() {
  local name port=${COCKPIT_CLUSTER_PORT:-21800}
  [[ -f $run/ports ]] || {
    for name in "${port_names[@]}"; do
      while in_use "$port"; do port=$((port + 1)); done
      printf 'port_%s=%d\n' "$name" "$port"
      port=$((port + 1))
    done >"$run/ports.new"
    mv "$run/ports.new" "$run/ports"
  }
  load_ports
}

load_ports() {
  # shellcheck source=/dev/null
  source "$run/ports"
  # shellcheck disable=SC2154
  server=https://127.0.0.1:$port_apiserver
}

# --- processes -----------------------------------------------------------------------------------------------------
pid_of() {
  local pid
  pid=$(cat "$run/$1.pid" 2>/dev/null) || return 1
  # A number may have been given to another program since: ours names the run directory among its arguments.
  [[ -n $pid && $(ps -o args= -p "$pid" 2>/dev/null) == *"$run"* ]] || return 1
  printf '%s\n' "$pid"
}

alive() { pid_of "$1" >/dev/null; }

# start NAME COMMAND...: in a process group of its own, so that ^C at the terminal does not reach it.
start() {
  local name=$1
  shift
  alive "$name" && return
  set -m
  nohup "$@" >>"$run/$name.log" 2>&1 </dev/null 9>&- &
  set +m
  printf '%s\n' $! >"$run/$name.pid"
  disown
}

# A killed process loses its arguments first and its sockets later: neither `alive` nor a zombie tells the end.
exists() {
  local state
  state=$(ps -o stat= -p "$1" 2>/dev/null) || return 1
  [[ -n $state && $state != Z* ]]
}

# stop NAME [SIGNAL]: and wait until it is gone; after five seconds without asking.
stop() {
  local name=$1 pid tries=0
  if pid=$(pid_of "$name"); then
    kill -s "${2:-TERM}" "$pid" 2>/dev/null || true
    while exists "$pid"; do
      tries=$((tries + 1))
      ((tries == 100)) && kill -s KILL "$pid" 2>/dev/null
      sleep 0.05
    done
  fi
  rm -f "$run/$name.pid"
}

# wait_for NAME SECONDS COMMAND...: until the command succeeds; gives up at once when NAME's process is gone.
wait_for() {
  local name=$1 until=$((SECONDS + $2))
  shift 2
  until "$@" >/dev/null 2>&1; do
    # In the moment of an exec a process has no arguments.
    alive "$name" || { sleep 0.3 && alive "$name"; } || { tail -n 5 "$run/$name.log" >&2; fail "$name ended; its log: $run/$name.log"; }
    ((SECONDS < until)) || fail "$name does not get ready; its log: $run/$name.log"
    sleep 0.05
  done
}

answers() { curl --silent --fail --insecure --max-time 2 --output /dev/null "$1"; }

# --- the programs --------------------------------------------------------------------------------------------------
start_etcd() {
  local url=http://127.0.0.1:$port_etcd peer=http://127.0.0.1:$port_etcd_peer
  start etcd "$bin/etcd" --data-dir "$run/etcd" --unsafe-no-fsync --log-level warn \
    --listen-client-urls "$url" --advertise-client-urls "$url" \
    --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" --initial-cluster "default=$peer"
}

# ServiceAccount admission would want token secrets for every pod; TaintNodesByCondition would keep new nodes tainted,
# because no node lifecycle controller runs here that takes the taint away.
start_apiserver() {
  local until=$((SECONDS + 10))
  alive apiserver && return
  # The threads of a killed one may still hold the port.
  while in_use "$port_apiserver" && ((SECONDS < until)); do sleep 0.02; done
  start apiserver "$bin/kube-apiserver" --etcd-servers "http://127.0.0.1:$port_etcd" \
    --bind-address 127.0.0.1 --secure-port "$port_apiserver" --cert-dir "$run/apiserver" --kubelet-preferred-address-types InternalIP \
    --token-auth-file "$run/tokens.csv" --authorization-mode RBAC \
    --service-account-key-file "$run/sa.pub" --service-account-signing-key-file "$run/sa.key" \
    --service-account-issuer https://kubernetes.default.svc --service-cluster-ip-range 10.96.0.0/16 \
    --audit-policy-file "$here/bed/audit.yaml" --audit-log-path "$run/audit.log" \
    --disable-admission-plugins ServiceAccount,TaintNodesByCondition
}

wait_for_apiserver() {
  wait_for apiserver 60 answers "$server/readyz"
}

start_clients() {
  local config=$run/kubeconfig.admin
  start controllers "$bin/kube-controller-manager" --kubeconfig "$config" --leader-elect=false \
    --bind-address 127.0.0.1 --secure-port "$port_controllers" --cert-dir "$run/controllers" \
    --kube-api-qps 500 --kube-api-burst 1000 --concurrent-resource-quota-syncs 5 --resource-quota-sync-period 10s \
    --controllers deployment-controller,replicaset-controller,namespace-controller,garbage-collector-controller,disruption-controller,endpointslice-controller,resourcequota-controller
  start scheduler "$bin/kube-scheduler" --kubeconfig "$config" --leader-elect=false \
    --bind-address 127.0.0.1 --secure-port "$port_scheduler" --kube-api-qps 500 --kube-api-burst 1000
  start rollouts "$bin/rollouts-controller" --kubeconfig "$config" -n argo-rollouts --leader-elect=false \
    --healthzPort "$port_rollouts_health" --metricsPort "$port_rollouts_metrics" --qps 500 --burst 1000
  start kwok "$bin/kwok" --kubeconfig "$config" --manage-all-nodes=true --node-lease-duration-seconds 0 \
    --config "$here/bed/stages.yaml" --config "$run/logs.yaml" --node-ip 127.0.0.1 --node-port "$port_kwok" \
    --server-address "127.0.0.1:$port_kwok"
  start exporter "$bin/cluster-exporter" --kubeconfig "$config" --context admin --listen "127.0.0.1:$port_exporter"
}

start_prometheus() {
  start prometheus "$prometheus" --config.file "$run/prometheus.yml" --storage.tsdb.path "$run/prometheus" \
    --storage.tsdb.retention.time 6h --web.listen-address "127.0.0.1:$port_prometheus" --log.level warn
}

# Argo CD is part of the bed where there is a redis for it.
with_argo_cd() {
  redis=${REDIS_SERVER:-$(command -v redis-server || true)}
  [[ -z $redis ]] || all=(argocd-application-controller argocd-repo-server redis "${all[@]}")
}

# Unleash is part of the bed where there are PostgreSQL, node and npm for it.
with_unleash() {
  local found
  postgres=${POSTGRES_BIN:-}
  for found in /usr/lib/postgresql/*/bin; do
    [[ -n $postgres || ! -x $found/initdb ]] || postgres=$found
  done
  command -v node >/dev/null && command -v npm >/dev/null || postgres=''
  [[ -z $postgres ]] || all=(unleash postgres "${all[@]}")
}

# PostgreSQL does not run as root, nor in a directory that its user cannot reach.
start_postgres() {
  local data as=()
  if [[ ! -f $run/postgres.dir ]]; then
    data=$(mktemp -d "${TMPDIR:-/tmp}/cockpit-postgres.XXXXXX")
    printf '%s\n' "$data" >"$run/postgres.dir"
  fi
  data=$(cat "$run/postgres.dir")
  if [[ $(id -u) -eq 0 ]]; then
    as=(setpriv --reuid=postgres --regid=postgres --clear-groups)
    chown postgres:postgres "$data"
  fi
  [[ -f $data/PG_VERSION ]] || "${as[@]}" "$postgres/initdb" -D "$data" -A trust -U postgres --no-sync >>"$run/postgres.log"
  # The name tells `alive` that it is ours.
  start postgres "${as[@]}" "$postgres/postgres" -D "$data" -p "$port_postgres" -c listen_addresses=127.0.0.1 -c fsync=off \
    -c "unix_socket_directories=$data" -c "event_source=$run"
}

start_unleash() {
  start unleash env "DATABASE_URL=postgres://postgres@127.0.0.1:$port_postgres/postgres" DATABASE_SSL=false HTTP_HOST=127.0.0.1 \
    "HTTP_PORT=$port_unleash" CHECK_VERSION=false SEND_TELEMETRY=false LOG_LEVEL=warn \
    "INIT_ADMIN_API_TOKENS=$unleash_token" node "$share/unleash/node_modules/unleash-server/dist/server.js" "$run"
}

start_argo_cd() {
  local name places=(env ARGOCD_GPG_ENABLED=false "ARGOCD_TLS_DATA_PATH=$run/argocd" "ARGOCD_SSH_DATA_PATH=$run/argocd" "TMPDIR=$run/argocd")
  mkdir -p "$run/argocd"
  # The program is told by its name what to be.
  for name in argocd-repo-server argocd-application-controller; do ln -sf "$bin/argocd" "$run/argocd/$name"; done
  # It would rename itself, and then be told for another program.
  start redis "$redis" --set-proc-title no --port "$port_redis" --bind 127.0.0.1 --save '' --dir "$run/argocd"
  start argocd-repo-server "${places[@]}" "$run/argocd/argocd-repo-server" --address 127.0.0.1 --port "$port_argocd_repo" \
    --metrics-port "$port_argocd_repo_metrics" --redis "127.0.0.1:$port_redis" --disable-tls --revision-cache-expiration 5s --loglevel warn
  # It looks at git every five to ten seconds, and takes back what differs from it at once.
  start argocd-application-controller "${places[@]}" "$run/argocd/argocd-application-controller" --kubeconfig "$run/kubeconfig.admin" \
    --namespace argocd --repo-server "127.0.0.1:$port_argocd_repo" --repo-server-plaintext --redis "127.0.0.1:$port_redis" \
    --app-resync 5 --metrics-port "$port_argocd_metrics" --loglevel warn
}

# Of the whole of Unleash, on the bed only.
unleash_token='*:*.of-the-test-bed'

# Clients first: kube-apiserver waits for open watches. It is killed outright; what it knows is in etcd.
all=(prometheus exporter kwok rollouts scheduler controllers apiserver etcd)
