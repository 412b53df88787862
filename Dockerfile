# syntax=docker/dockerfile:1
FROM rust:1.95-slim-bookworm AS build
# The C libraries (SQLite, libpq, OpenSSL for libpq, AWS-LC) are built from the sources that their crates carry.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends build-essential ca-certificates cmake perl \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cargo build --profile dist --locked
# What the binary needs to run, and nothing else: the C library, the loader, the roots of trust, a place for the embedded database.
RUN mkdir -p /image/usr/local/bin /image/data /image/tmp \
    && cp target/dist/relance /image/usr/local/bin/ \
    && ldd target/dist/relance | grep -o '/[^ ]*' | xargs cp --parents --dereference --target-directory /image \
    && cp --parents --dereference /etc/ssl/certs/ca-certificates.crt /image \
    && chown 65532:65532 /image/data && chmod 1777 /image/tmp

FROM scratch
COPY --from=build /image /
USER 65532:65532
ENV RELANCE_DATABASE_URL=sqlite:/data/relance.db RELANCE_LISTEN=0.0.0.0:8080 RELANCE_LOG_FORMAT=json
# Only the embedded database writes, and only here: the root may be read-only.
VOLUME /data
EXPOSE 8080
# There is no shell to ask with: let the orchestrator ask /livez and /readyz.
HEALTHCHECK NONE
ENTRYPOINT ["/usr/local/bin/relance"]
CMD ["serve"]
