package main

import (
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"bulkhead/catalog"
	"bulkhead/sim"
)

// simulatedSecret is the reference under which a simulated endpoint's key is
// had; no estate can write it.
const simulatedSecret = "simulated"

// realFile is the file of a quickstart's endpoints that are not simulated.
const realFile = "clouds/quickstart-real.yaml"

// rehearsal replaces the endpoints of an estate by simulated vendors on
// loopback. A reload starts anew for endpoints that were not there before.
type rehearsal struct {
	key  string
	pace time.Duration
	sims []*sim.Sim
	root string // URL of the newest simulated vendors
}

func newRehearsal(pace time.Duration) *rehearsal { return &rehearsal{key: rand.Text(), pace: pace} }

// Close stops the simulated vendors.
func (h *rehearsal) Close() error {
	for _, s := range h.sims {
		if err := s.Close(); err != nil {
			return err
		}
	}
	return nil
}

// replace points every endpoint of an estate that nobody uses yet at a
// simulated vendor that offers its models. Whatever kept the real one apart
// (proxy, certificates, HTTP version) does not apply on loopback.
func (h *rehearsal) replace(e *catalog.Estate) error {
	var vendors []sim.Vendor
	for _, p := range e.Endpoints {
		if p.Source.File == realFile {
			continue
		}
		v := sim.Vendor{Name: p.Name, Kind: kindOf(p), Key: h.key, Models: []sim.Model{}}
		for _, o := range e.Offerings {
			if o.Endpoint == p {
				v.Models = append(v.Models, simulatedModel(o))
			}
		}
		vendors = append(vendors, v)
	}
	s := sim.New(sim.Options{Vendors: vendors, Key: h.key, Pace: h.pace})
	root, err := s.Start("127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("start simulated vendors: %w", err)
	}
	// Vendors of earlier estates stay, since calls may be under way to them.
	h.sims, h.root = append(h.sims, s), root
	for _, p := range e.Endpoints {
		if p.Source.File == realFile {
			continue
		}
		p.URL = s.BaseURL(root, p.Name)
		if kindOf(p) == sim.Azure && p.Surface != "deployments" {
			p.URL += "/openai/v1"
		}
		p.Auth = catalog.Auth{Kind: "bearer", Secret: simulatedSecret}
		if kindOf(p) == sim.Azure {
			p.Auth.Kind = "api-key"
		}
		p.Proxy, p.CAFile, p.ServerName, p.HTTP, p.Client = "", "", "", 1, catalog.TLSFiles{}
	}
	return nil
}

// kindOf tells whose wire an endpoint speaks.
func kindOf(p *catalog.Endpoint) sim.Kind {
	switch {
	case p.Surface == "deployments" || strings.HasPrefix(p.Partition, "Azure") || p.Cloud == "azure":
		return sim.Azure
	case strings.HasPrefix(p.Partition, "aws") || p.Cloud == "aws":
		return sim.Bedrock
	case p.Cloud == "openai" || p.Auth.Kind == "bearer" && p.Partition == "openai":
		return sim.OpenAI
	}
	return sim.Compatible
}

func simulatedModel(o *catalog.Offering) sim.Model {
	m := sim.Model{ID: o.ID, Version: o.Model.Name, Context: int(o.Model.Context), Dimensions: int(o.Model.Dimensions)}
	m.Embeds = o.Model.Dimensions > 0
	for _, c := range o.Model.Capabilities {
		switch c {
		case "embeddings":
			m.Embeds = true
		case "reasoning":
			m.Reasons = true
		case "audio":
			m.Audio = true
		}
	}
	return m
}
