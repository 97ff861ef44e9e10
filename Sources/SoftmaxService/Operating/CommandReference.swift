/// What a person or a shell is told of the command line: all of it made from ``ConfigurationOption/all`` and one table of
/// commands.
enum CommandReference {
    /// A command, what may follow it, and what it does.
    struct Entry {
        var name: String
        var operands: String
        var summary: String
    }

    /// The shells that there are completions for.
    enum Shell: String, CaseIterable { case bash, zsh, fish }

    private static let operations = SoftmaxOperation.allCases.map(\.rawValue)

    /// Every command, `serve` being the one that is meant where none is given.
    static let commands: [Entry] =
        [Entry(name: "serve", operands: "", summary: "serve until SIGTERM or SIGINT")]
        + operations.map {
            Entry(name: $0, operands: " [--json] [FILE]", summary: "answer the request in FILE, or on standard input")
        } + [
            Entry(name: "healthcheck", operands: "", summary: "exit 0 if the service answers /livez"),
            Entry(name: "completions", operands: " bash|zsh|fish", summary: "print completions for a shell"),
            Entry(name: "man", operands: "", summary: "print the manual page, as troff"),
            Entry(name: "version", operands: "", summary: "print the version"),
            Entry(name: "help", operands: "", summary: "print a summary of all this"),
        ]

    /// Flags that are no settings.
    private static let plainFlags = [
        ("--print-config", "print every setting in force"), ("--version", "print the version"),
        ("--help", "print a summary of all this"),
    ]

    /// The text of `--help`.
    static var help: String {
        let width = ConfigurationOption.all.map(\.flag.count).max() ?? 0
        let options = ConfigurationOption.all.map { option in
            let padding = String(repeating: " ", count: width - option.flag.count)
            return "  \(option.flag)\(padding)  \(option.help) [\(option.get(ServiceConfiguration()))]\n"
        }
        return """
            softmaxd \(Version.current): softmax and its derivatives over HTTP

            usage:
              softmaxd [serve] [OPTION VALUE]...       serve until SIGTERM or SIGINT
              softmaxd softmax|jacobian|vjp|jvp [--json] [FILE]
                                                       answer the request in FILE, or on standard input; an error
                                                       on a terminal is a sentence, or with --json the same JSON
                                                       as elsewhere
              softmaxd healthcheck                     exit 0 if the service answers /livez; its --host and --port
                                                       are those of process 1, where that is softmaxd too
              softmaxd --print-config                  print every setting in force
              softmaxd completions bash|zsh|fish       print completions for a shell
              softmaxd man                             print the manual page: softmaxd man | man -l -
              softmaxd --version | --help

            Each option has an environment variable: --max-body is SOFTMAXD_MAX_BODY. A flag wins over it.
            A size is bytes or has a unit (64k, 16MiB), a duration is seconds or has one (500ms, 10s, 2m).

            options [default]:

            """ + options.joined()
    }

    // MARK: Manual page

    /// The manual page, in the macros of man(7).
    static var manual: String {
        let commands = Self.commands.map {
            ".TP\n.B softmaxd \($0.name)\(troff($0.operands))\n\(sentence($0.summary))\n"
        }
        let options = ConfigurationOption.all.map { option in
            let value = option.get(ServiceConfiguration())
            let byDefault = option.isPerProcessor ? "one per processor" : value.isEmpty ? "none" : value
            return """
                .TP
                .BI \(troff(option.flag)) " VALUE"
                \(sentence(option.help)) Default: \(troff(byDefault)).

                """
        }
        return """
            .TH SOFTMAXD 8 "" "softmaxd \(troff(Version.current))" "System Administration"
            .SH NAME
            softmaxd \\- softmax and its derivatives over HTTP
            .SH SYNOPSIS
            .B softmaxd
            .RI [ command ]
            .RI [ "option value" ]...
            .SH DESCRIPTION
            .B softmaxd
            answers HTTP requests for softmax, its Jacobian, vector\\-Jacobian and Jacobian\\-vector products with JSON,
            right to the last digit.
            Without a command it serves.
            .SH COMMANDS
            \(commands.joined())
            .SH OPTIONS
            Each option can also be set by an environment variable:
            .B \\-\\-max\\-body
            is
            .BR SOFTMAXD_MAX_BODY .
            A flag wins over it, the last of repeated flags over the others.
            A size is a number of bytes or has a unit (64k and 64KiB are 65536, 64kB is 64000); a duration is a number of
            seconds or has a unit (500ms, 10s, 2m, 1h).
            \(options.joined())\
            .TP
            .B \\-\\-print\\-config
            Print every setting in force, as lines that a shell, an env_file or a systemd unit reads back.
            .TP
            .B \\-\\-json
            With an offline command: print an error as JSON on a terminal too, not as a sentence.
            .SH SIGNALS
            SIGTERM and SIGINT drain: no new connections are taken, requests in flight are finished.
            A second one ends the service at once.
            .SH "EXIT STATUS"
            0 for success; those of
            .BR sysexits (3)
            otherwise: 64 for a wrong option, 65 for a bad request, 66 for a file that cannot be read, 70 for a reply that
            cannot be computed, 71 for an address that cannot be listened at, 74 for output that cannot be written.
            .B healthcheck
            exits with 1 where the service does not answer.
            .SH EXAMPLES
            .EX
            softmaxd \\-\\-port 8080 &
            curl \\-\\-json \\(aq{"logits": [2, 1, 0]}\\(aq http://127.0.0.1:8080/softmax
            echo \\(aq{"logits": [2, 1, 0]}\\(aq | softmaxd softmax
            .EE

            """
    }

    /// A help text as a sentence.
    private static func sentence(_ text: String) -> String {
        troff(text.prefix(1).uppercased() + text.dropFirst()) + "."
    }

    /// Text for troff: a hyphen is a minus sign, as in options, and a line begins with no control character.
    private static func troff(_ text: String) -> String {
        var escaped = ""
        for character in text {
            switch character {
            case "\\": escaped += "\\e"
            case "-": escaped += "\\-"
            case "'": escaped += "\\(aq"
            default: escaped.append(character)
            }
        }
        return escaped.hasPrefix(".") ? "\\&" + escaped : escaped
    }

    // MARK: Completions

    /// A script that completes commands, flags and the values of flags that have a few.
    static func completions(for shell: Shell) -> String {
        switch shell {
        case .bash: bash
        case .zsh: zsh
        case .fish: fish
        }
    }

    private static var bash: String {
        let choices = ConfigurationOption.all.filter { !$0.choices.isEmpty }.map {
            "    \($0.flag)) COMPREPLY=($(compgen -W \"\($0.choices.joined(separator: " "))\" -- \"$current\")); return ;;\n"
        }
        let others = ConfigurationOption.all.filter(\.choices.isEmpty).map(\.flag).joined(separator: "|")
        let words = commands.map(\.name) + ConfigurationOption.all.map(\.flag) + plainFlags.map(\.0)
        return """
            # softmaxd completions bash > /etc/bash_completion.d/softmaxd
            _softmaxd() {
                local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
                case $previous in
            \(choices.joined())    \(others)) COMPREPLY=(); return ;;
                completions) COMPREPLY=($(compgen -W "\(Shell.allCases.map(\.rawValue).joined(separator: " "))" -- "$current")); return ;;
                \(operations.joined(separator: "|"))|--json)
                    COMPREPLY=($(compgen -f -- "$current") $(compgen -W "--json" -- "$current")); return ;;
                esac
                COMPREPLY=($(compgen -W "\(words.joined(separator: " "))" -- "$current"))
            }
            complete -F _softmaxd softmaxd

            """
    }

    private static var zsh: String {
        func quoted(_ text: String) -> String {
            var escaped = ""
            for character in text {
                if "[]:\\".contains(character) { escaped.append("\\") }
                escaped += character == "'" ? "'\\''" : String(character)
            }
            return escaped
        }
        let options = ConfigurationOption.all.map { option in
            let values = option.choices.isEmpty ? "" : "(\(option.choices.joined(separator: " ")))"
            return "    '\(option.flag)[\(quoted(option.help))]:value:\(values)' \\\n"
        }
        let flags = plainFlags.map { "    '\($0.0)[\(quoted($0.1))]' \\\n" }
        let words = commands.map { "\($0.name)\\:\"\(quoted($0.summary))\"" }.joined(separator: " ")
        return """
            #compdef softmaxd
            # softmaxd completions zsh > /usr/share/zsh/vendor-completions/_softmaxd
            _arguments \\
            \((options + flags).joined())    '--json[print an error as JSON]' \\
                '1:command:((\(words)))' \\
                '*:file:_files'

            """
    }

    private static var fish: String {
        func quoted(_ text: String) -> String { text.split(separator: "'").joined(separator: "\\'") }
        let names = commands.map {
            "complete -c softmaxd -n __fish_use_subcommand -a \($0.name) -d '\(quoted($0.summary))'\n"
        }
        let options = ConfigurationOption.all.map { option in
            let values = option.choices.isEmpty ? "" : " -a '\(option.choices.joined(separator: " "))'"
            return "complete -c softmaxd -l \(option.flag.dropFirst(2)) -x\(values) -d '\(quoted(option.help))'\n"
        }
        let flags = plainFlags.map { "complete -c softmaxd -l \($0.0.dropFirst(2)) -d '\(quoted($0.1))'\n" }
        let offline = "-n '__fish_seen_subcommand_from \(operations.joined(separator: " "))'"
        let shells = Shell.allCases.map(\.rawValue).joined(separator: " ")
        return """
            # softmaxd completions fish > /usr/share/fish/vendor_completions.d/softmaxd.fish
            complete -c softmaxd -f
            \((names + options + flags).joined())\
            complete -c softmaxd \(offline) -l json -d 'print an error as JSON'
            complete -c softmaxd \(offline) -F
            complete -c softmaxd -n '__fish_seen_subcommand_from completions' -a '\(shells)'

            """
    }
}
