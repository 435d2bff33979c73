package broker

import (
	"fmt"
	"strings"
)

// PasswordVariable is the environment variable that holds a user's password, on
// the server as well as in the process that connects.
func PasswordVariable(user string) string {
	return "MALLBOTS_NATS_PASSWORD_" + strings.ToUpper(user)
}

// Authorization writes rights as a part of a NATS server's configuration. It
// holds no secret: the server reads the passwords from its environment, see
// PasswordVariable.
func Authorization(rights []Rights) string {
	var out strings.Builder
	out.WriteString(`# Users and rights of the mall, one user for each module and one for operators.
# Include it in the server's configuration: include "mallbots.conf"
# The server takes the passwords from its environment. Letters and digits, a
# letter first, need no quotes; the bcrypt hash of one may stand there too.
authorization {
  users = [
`)
	for _, r := range rights {
		fmt.Fprintf(&out, "    {\n      user: %s\n      password: $%s\n      permissions: {\n", r.User, PasswordVariable(r.User))
		writeSubjects(&out, "publish", r.Publish)
		writeSubjects(&out, "subscribe", r.Subscribe)
		out.WriteString("      }\n    }\n")
	}
	out.WriteString("  ]\n}\n")
	return out.String()
}

// writeSubjects writes one list of subjects.
func writeSubjects(out *strings.Builder, verb string, subjects []string) {
	fmt.Fprintf(out, "        %s: [\n", verb)
	for _, subject := range subjects {
		fmt.Fprintf(out, "          %q\n", subject)
	}
	out.WriteString("        ]\n")
}
