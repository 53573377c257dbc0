package cli

import (
	"os"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// savedOrigins are the places in a file that is a plan, which was read before; nil where that cannot be told.
func savedOrigins(file string) *plan.Origins {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	root, err := plan.ParseJSON(data, file)
	if err != nil {
		return nil
	}
	doc, err := plan.Read(root, data)
	if err != nil {
		return nil
	}
	return doc.Origins(data)
}
