# Varnish 7 in front of Peregrine: caches web assets and signed file addresses, and removes what a
# PURGE names. Start it with, for example:
#   varnishd -f /path/to/varnish.vcl -a :8080 -s malloc,256m
# and set CDN_PURGE_URLS=http://127.0.0.1:8080 for the servers.
vcl 4.1;

import std;

backend default {
    .host = "127.0.0.1";
    .port = "3000";
    # An answer of a model may be silent for long.
    .first_byte_timeout = 300s;
    .between_bytes_timeout = 300s;
}

# Who may purge: the servers.
acl purgers {
    "127.0.0.0"/8;
    "::1";
}

sub vcl_recv {
    if (req.method == "PURGE") {
        if (client.ip !~ purgers) {
            return (synth(403, "Not allowed"));
        }
        # One or more tags, separated by spaces.
        if (req.http.Surrogate-Key !~ "^[A-Za-z0-9_-]+( [A-Za-z0-9_-]+)*$") {
            return (synth(400, "Surrogate-Key must name tags"));
        }
        set req.http.X-Tags = regsuball(req.http.Surrogate-Key, " ", "|");
        if (!std.ban("obj.http.Surrogate-Key ~ (^|\s)(" + req.http.X-Tags + ")(\s|$)")) {
            return (synth(500, std.ban_error()));
        }
        return (synth(200, "Purged"));
    }
    if (req.http.Upgrade ~ "(?i)websocket") {
        return (pipe);
    }
    # These are the same for everyone who has the address.
    if (req.url ~ "^/(assets|cdn)/") {
        unset req.http.Cookie;
        unset req.http.Authorization;
    }
}

sub vcl_pipe {
    if (req.http.Upgrade) {
        set bereq.http.Upgrade = req.http.Upgrade;
        set bereq.http.Connection = req.http.Connection;
    }
}

sub vcl_backend_fetch {
    # Asks the front door for the tags of what it sends.
    set bereq.http.Surrogate-Capability = {"varnish="Surrogate/1.0""};
}

sub vcl_deliver {
    # For caches; nobody else needs them.
    unset resp.http.Surrogate-Key;
    unset resp.http.Cache-Tag;
}
