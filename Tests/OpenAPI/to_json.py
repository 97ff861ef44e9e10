"""Writes openapi.yaml as JSON: python to_json.py openapi.yaml openapi.json. With --check, only compares."""

import json
import sys

import yaml


def main() -> int:
    check = "--check" in sys.argv
    source, target = [argument for argument in sys.argv[1:] if argument != "--check"]
    with open(source, encoding="utf-8") as file:
        text = json.dumps(yaml.safe_load(file), ensure_ascii=False, separators=(",", ":")) + "\n"
    if check:
        with open(target, encoding="utf-8") as file:
            if file.read() == text:
                return 0
        print(f"{target} is not {source}: run `make openapi`", file=sys.stderr)
        return 1
    with open(target, "w", encoding="utf-8") as file:
        file.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
