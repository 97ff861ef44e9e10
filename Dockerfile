# Two stages: the toolchain builds a program with Swift's runtime linked in; the image that runs holds that program and
# the shared C++ libraries it needs, nothing else.

FROM docker.io/library/swift:6.3-bookworm AS build
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends libsimdjson-dev libnghttp2-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN swift build -c release --static-swift-stdlib --product softmaxd \
 && strip -o /softmaxd .build/release/softmaxd

FROM docker.io/library/debian:bookworm-slim
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends libsimdjson14 libnghttp2-14 libstdc++6 \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /softmaxd /usr/local/bin/softmaxd
# A number, so that orchestrators can check that it is not root's.
USER 65532:65532
ENV SOFTMAXD_HOST=0.0.0.0 SOFTMAXD_PORT=8080
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=2s --retries=3 CMD ["softmaxd", "healthcheck"]
ENTRYPOINT ["softmaxd"]
