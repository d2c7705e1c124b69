package geo_test

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/redoubt-db/redoubt/internal/corpus"
	"github.com/redoubt-db/redoubt/internal/geo"
)

// place is a member of the sorted set that Redis has as well.
type place struct {
	name  string
	score float64
}

// rival is a real Redis with random points at the key "earth".
type rival struct {
	*testing.T
	*rand.Rand
	client *corpus.RedisClient
	places []place
}

func newRival(t *testing.T, points int) *rival {
	t.Helper()
	server, err := corpus.StartRedis()
	if errors.Is(err, corpus.ErrNoRedis) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	client, err := server.Dial()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	r := &rival{T: t, Rand: rand.New(rand.NewPCG(7, 8)), client: client}
	for i := range points {
		r.add(fmt.Sprintf("m%d", i), r.point())
	}
	slices.SortFunc(r.places, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.score, b.score), strings.Compare(a.name, b.name))
	})
	return r
}

// do sends words, separated by spaces, and returns the reply as redis-cli prints it.
func (r *rival) do(format string, args ...any) string {
	r.Helper()
	got, err := r.client.Do(strings.Fields(fmt.Sprintf(format, args...)))
	if err != nil {
		r.Fatal(err)
	}
	return got
}

// point is anywhere, often near another one, sometimes on an edge.
func (r *rival) point() geo.Point {
	p := geo.Point{Longitude: (r.Float64()*2 - 1) * geo.LongitudeMax, Latitude: (r.Float64()*2 - 1) * geo.LatitudeMax}
	switch r.IntN(8) {
	case 0:
		p = geo.Point{Longitude: 13 + r.NormFloat64(), Latitude: 38 + r.NormFloat64()}
	case 1:
		p.Longitude = math.Copysign(geo.LongitudeMax-r.Float64()*0.01, p.Longitude)
	case 2:
		p.Latitude = math.Copysign(geo.LatitudeMax, p.Latitude)
	case 3:
		p = geo.Point{Longitude: math.Round(p.Longitude/45) * 45, Latitude: math.Round(p.Latitude/20) * 20}
	}
	return p
}

func (r *rival) add(name string, p geo.Point) {
	r.Helper()
	r.do("GEOADD earth %s %s %s", exact(p.Longitude), exact(p.Latitude), name)
	score := float64(p.Score())
	if got, want := r.do("ZSCORE earth %s", name), `"`+exact(score)+`"`; got != want {
		r.Fatalf("the score of %v is %s, want %s", p, want, got)
	}
	r.places = append(r.places, place{name, score})
}

func exact(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

func (r *rival) any() place { return r.places[r.IntN(len(r.places))] }

func TestPointsLikeRedis(t *testing.T) {
	r := newRival(t, 1500)
	for _, p := range r.places {
		at := geo.At(p.score)
		want := fmt.Sprintf("1) 1) \"%s\"\n   2) \"%s\"", geo.AppendCoordinate(nil, at.Longitude), geo.AppendCoordinate(nil, at.Latitude))
		if got := r.do("GEOPOS earth %s", p.name); got != want {
			t.Fatalf("the place of score %s is\n%s, want\n%s", exact(p.score), want, got)
		}
		if got, want := r.do("GEOHASH earth %s", p.name), `1) "`+at.Geohash()+`"`; got != want {
			t.Fatalf("the geohash of %v is %s, want %s", at, want, got)
		}
	}
	for _, score := range []float64{0, -1, 1e300, -1e300, math.Inf(1), math.Inf(-1), 1 << 52, 1<<53 + 2, 1 << 63, 1 << 64, -(1 << 63), 0.5, -4611686018427387904} {
		r.do("ZADD odd %s o", strconv.FormatFloat(score, 'g', -1, 64))
		at := geo.At(score)
		want := fmt.Sprintf("1) 1) \"%s\"\n   2) \"%s\"", geo.AppendCoordinate(nil, at.Longitude), geo.AppendCoordinate(nil, at.Latitude))
		if got := r.do("GEOPOS odd o"); got != want {
			t.Errorf("the place of score %g is\n%s, want\n%s", score, want, got)
		}
	}
}

func TestDistancesLikeRedis(t *testing.T) {
	r := newRival(t, 300)
	for range 3000 {
		a, b := r.any(), r.any()
		name := []string{"m", "KM", "ft", "mi"}[r.IntN(4)]
		unit, ok := geo.ParseUnit([]byte(name))
		if !ok {
			t.Fatalf("no unit %s", name)
		}
		d := unit.Of(geo.Distance(geo.At(a.score), geo.At(b.score)))
		if got, want := r.do("GEODIST earth %s %s %s", a.name, b.name, name), `"`+string(geo.AppendDistance(nil, d))+`"`; got != want {
			t.Errorf("from %v to %v it is %s %s, want %s", geo.At(a.score), geo.At(b.score), want, name, got)
		}
	}
}

// TestAllDigitsLikeRedis compares distances as GEOSEARCHSTORE stores them. Redis' C library does not always round to the nearest.
func TestAllDigitsLikeRedis(t *testing.T) {
	r := newRival(t, 2000)
	center := r.any()
	r.do("GEOSEARCHSTORE far earth FROMMEMBER %s BYRADIUS 30000 km STOREDIST", center.name)
	total, other := 0, 0
	for _, p := range r.places {
		got := r.do("ZSCORE far %s", p.name)
		if got == "(nil)" { // Redis does not look behind its own horizon
			continue
		}
		d := geo.Kilometers.Of(geo.Distance(geo.At(center.score), geo.At(p.score)))
		total++
		if g, err := strconv.ParseFloat(strings.Trim(got, `"`), 64); err != nil || math.Abs(g-d) > 4*(math.Nextafter(d, math.Inf(1))-d) {
			t.Errorf("to %s it is %s km, want %s", p.name, exact(d), got)
		} else if g != d {
			other++
		}
	}
	if other*50 > total || total < 500 {
		t.Errorf("%d of %d distances have other last digits", other, total)
	}
}

func TestSearchesLikeRedis(t *testing.T) {
	r, total := newRival(t, 2000), 0
	for i := range 1000 {
		center := r.point()
		if i%3 == 0 {
			center = geo.At(r.any().score)
		}
		size := func() float64 { return math.Exp(r.Float64()*19) * float64(r.IntN(40)) / 39 } // up to 1e8 m
		a, b := size(), size()
		unit, name := geo.Meters, "m"
		if r.IntN(4) == 0 {
			unit, name, a, b = geo.Miles, "mi", a/1000, b/1000
		}
		area, how := geo.Circle(center, a, unit), fmt.Sprintf("BYRADIUS %s %s", exact(a), name)
		if r.IntN(2) == 0 {
			area, how = geo.Box(center, a, b, unit), fmt.Sprintf("BYBOX %s %s %s", exact(a), exact(b), name)
		}
		var found []string
		for _, scores := range area.Ranges() {
			for _, p := range r.places {
				if _, in := area.Contains(geo.At(p.score)); in && p.score >= scores.Min && p.score < scores.Max {
					found = append(found, fmt.Sprintf("%d) %q", len(found)+1, p.name))
				}
			}
		}
		want := r.do("GEOSEARCH earth FROMLONLAT %s %s %s", exact(center.Longitude), exact(center.Latitude), how)
		if got := plain(strings.Join(found, "\n")); got != plain(want) {
			t.Fatalf("around %v %s there are\n%s\nwant\n%s", center, how, got, plain(want))
		}
		total += len(found)
	}
	if total < 10_000 {
		t.Errorf("only %d points were found in all", total)
	}
}

// plain is a printed list without its numbering.
func plain(list string) string {
	if list == "(empty array)" {
		return ""
	}
	var names []string
	for _, line := range strings.Split(list, "\n") {
		if _, name, ok := strings.Cut(line, ") "); ok {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}
