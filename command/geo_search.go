package command

import (
	"cmp"
	"math"
	"slices"

	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

// geoSearches are the commands that look for places.
func geoSearches() []Spec {
	const (
		searchCost = "O(N+log(M)) where N is the number of elements in the grid-aligned bounding box area around the shape provided as the filter and M is the number of items inside the shape"
		radiusCost = "O(N+log(M)) where N is the number of elements inside the bounding box of the circular area delimited by center and radius and M is the number of items inside the index."
		area       = "<FROMMEMBER member | FROMLONLAT longitude latitude> <BYRADIUS radius <M | KM | FT | MI> | BYBOX width height <M | KM | FT | MI>> [ASC | DESC] [COUNT count [ANY]]"
		shown      = " [WITHCOORD] [WITHDIST] [WITHHASH]"
		radius     = "radius <M | KM | FT | MI>" + shown + " [COUNT count [ANY]] [ASC | DESC]"
		stored     = " [STORE key] [STOREDIST key]"
		near       = "Query a sorted set representing a geospatial index to fetch members inside an area of a box or a circle"
		nearPoint  = "Query a sorted set representing a geospatial index to fetch members matching a given maximum distance from a point"
		nearMember = "Query a sorted set representing a geospatial index to fetch members matching a given maximum distance from a member"
	)
	return []Spec{
		{Name: "GEOSEARCH", Syntax: "key " + area + shown, Summary: near + ".", Since: "6.2.0", Group: "geo", Complexity: searchCost,
			Arity: AtLeast(7), Keys: KeyAt(1), ACL: acl.Geo, Read: geoSearch},
		{Name: "GEOSEARCHSTORE", Syntax: "destination source " + area + " [STOREDIST]",
			Summary: near + ", and store the result in another key.", Since: "6.2.0", Group: "geo", Complexity: searchCost,
			Arity: AtLeast(8), Keys: KeysFromTo(1, 2, 1).With(KeySpec{Index: 1, Access: "OW update"}, KeySpec{Index: 2, Access: "RO access"}),
			Flags: DenyOOM, ACL: acl.Geo, Write: geoSearchStore},
		{Name: "GEORADIUS", Syntax: "key longitude latitude " + radius + stored, Summary: nearPoint, Since: "3.2.0", Group: "geo", Complexity: radiusCost,
			Arity: AtLeast(6), Keys: keysOfRadius(6), Flags: DenyOOM, ACL: acl.Geo, Differs: servedAsRead("no STORE"),
			Read: geoRadiusRO, Write: geoRadius, Stores: radiusStores(6)},
		{Name: "GEORADIUS_RO", Syntax: "key longitude latitude " + radius, Summary: "A read-only variant for GEORADIUS", Since: "3.2.10", Group: "geo", Complexity: radiusCost,
			Arity: AtLeast(6), Keys: KeyAt(1), ACL: acl.Geo, Read: geoRadiusRO},
		{Name: "GEORADIUSBYMEMBER", Syntax: "key member " + radius + stored, Summary: nearMember, Since: "3.2.0", Group: "geo", Complexity: radiusCost,
			Arity: AtLeast(5), Keys: keysOfRadius(5), Flags: DenyOOM, ACL: acl.Geo, Differs: servedAsRead("no STORE"),
			Read: geoRadiusByMemberRO, Write: geoRadiusByMember, Stores: radiusStores(5)},
		{Name: "GEORADIUSBYMEMBER_RO", Syntax: "key member " + radius, Summary: "A read-only variant for GEORADIUSBYMEMBER", Since: "3.2.10", Group: "geo", Complexity: radiusCost,
			Arity: AtLeast(5), Keys: KeyAt(1), ACL: acl.Geo, Read: geoRadiusByMemberRO},
	}
}

// keysOfRadius are the key, those behind every STORE and those behind every STOREDIST, the options beginning at argument at: in
// Redis' order, which looks for each word by itself. Of several, the last is stored to.
func keysOfRadius(at int) Keys {
	find := func(args [][]byte) []int {
		keys := []int{1}
		for _, word := range []string{"STORE", "STOREDIST"} {
			for i := at; i+1 < len(args); i++ {
				if equalFold(args[i], word) {
					keys = append(keys, i+1)
				}
			}
		}
		return keys
	}
	stored := KeySpec{Keyword: "STORE", From: at, Access: "OW update"}
	distances := stored
	distances.Keyword = "STOREDIST"
	return Keys{First: 1, Last: 1, Step: 1, Find: find}.With(KeySpec{Index: 1, Access: "RO access"}, stored, distances)
}

// radiusStores tells whether there is a destination among the options, which begin at argument at.
func radiusStores(at int) func(argv [][]byte) bool {
	return func(argv [][]byte) bool {
		for _, a := range argv[at:] {
			if equalFold(a, "STORE") || equalFold(a, "STOREDIST") {
				return true
			}
		}
		return false
	}
}

// places are those found, sorted and counted.
func (q *geoQuery) places() []keyspace.Place {
	if !q.exists {
		return nil
	}
	limit := int64(0)
	if q.any {
		limit = q.count
	} else if q.count > 0 && q.sort == 0 {
		q.sort = 1
	}
	list := keyspace.Near(q.z, q.area(), limit)
	if q.sort != 0 {
		slices.SortStableFunc(list, func(a, b keyspace.Place) int { return q.sort * cmp.Compare(a.Distance, b.Distance) })
	}
	if q.count > 0 && q.count < int64(len(list)) {
		list = list[:q.count]
	}
	return list
}

// show is the reply of a search; owned copies the names.
func (q *geoQuery) show(p resp.Protocol, owned bool) resp.Value {
	places := q.places()
	list := make([]resp.Value, 0, len(places))
	for _, at := range places {
		name := at.Name
		if owned {
			name = append([]byte{}, name...)
		}
		one := []resp.Value{resp.Bulk(name)}
		if q.withDistance {
			one = append(one, distance(q.unit.Of(at.Distance)))
		}
		if q.withHash {
			one = append(one, resp.Int(truncated(at.Score)))
		}
		if q.withPoint {
			one = append(one, coordinates(at.At, p))
		}
		if len(one) == 1 {
			list = append(list, one[0])
		} else {
			list = append(list, resp.Array(one...))
		}
	}
	return resp.Array(list...)
}

// truncated is f as C converts it to an integer on the machines Redis runs on.
func truncated(f float64) int64 {
	if f >= -1<<63 && f < 1<<63 {
		return int64(f)
	}
	return math.MinInt64
}

func geoSearch(c *ReadCall) (resp.Value, error)   { return geoRead(c, search) }
func geoRadiusRO(c *ReadCall) (resp.Value, error) { return geoRead(c, byPoint) }

func geoRadiusByMemberRO(c *ReadCall) (resp.Value, error) { return geoRead(c, byMember) }

func geoRead(c *ReadCall, form geoForm) (resp.Value, error) {
	q, err := c.geoQuery(c.View, 1, form, true)
	if err != nil || q.exists && c.View.Long(keyspace.Nearby(q.z, q.area())) {
		return resp.None, err
	}
	return q.show(c.Proto, false), nil
}

func geoRadius(c *WriteCall) (resp.Value, error) { return geoWrite(c, 1, byPoint, "georadiusstore") }
func geoRadiusByMember(c *WriteCall) (resp.Value, error) {
	return geoWrite(c, 1, byMember, "georadiusstore")
}
func geoSearchStore(c *WriteCall) (resp.Value, error) {
	return geoWrite(c, 2, searchStore, "geosearchstore")
}

func geoWrite(c *WriteCall, key int, form geoForm, event string) (resp.Value, error) {
	view := c.Tx.ReadView()
	q, err := c.geoQuery(&view, key, form, false)
	if err != nil {
		return resp.None, err
	}
	if q.store == nil {
		return q.show(c.Proto, true), nil
	}
	var list []keyspace.Scored
	for _, at := range q.places() {
		if q.as {
			at.Score = q.unit.Of(at.Distance)
		}
		list = append(list, at.Scored)
	}
	return resp.Int(int64(c.Tx.StoreZSet(q.store, list, event))), nil
}
